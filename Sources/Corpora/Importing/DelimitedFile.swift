import Checkpoints
import Foundation

/// A table in a text file, its first row the names of the columns: CSV as RFC 4180 has it, or with tabs or semicolons.
///
/// A mark of UTF-8, all ends of lines and blank lines are allowed. A row that is no good is an error of its own: the rows
/// after it are read.
struct DelimitedFile {
    enum Quoting {
        /// A field may stand in quotation marks, with those inside doubled.
        case doubled
        /// Quotation marks are letters like all others.
        case none
    }

    /// Most columns.
    static let columnLimit = 1_000

    let url: URL
    let columns: [String]
    private let data: Data
    private let quoting: Quoting
    private let delimiter: UInt8
    private let start: Scanner

    /// `expected` ends the error for a file that is not there.
    init(_ url: URL, expected: String, quoting: Quoting = .doubled) throws {
        self.url = url
        self.quoting = quoting
        data = try Corpus.contents(of: url, expected: expected)
        let header = data.prefix { $0 != 0x0a }
        let marks = [UInt8(ascii: "\t"), UInt8(ascii: ","), UInt8(ascii: ";")]
        let counts = marks.map { mark in header.prefix(CorpusLimits.line).count { $0 == mark } }
        delimiter = zip(marks, counts).max { $0.1 < $1.1 }?.0 ?? marks[1]
        var scanner = Scanner(delimiter: delimiter, quoting: quoting)
        if data.starts(with: [0xef, 0xbb, 0xbf]) { scanner.offset = 3 }
        guard let first = data.withUnsafeBytes({ scanner.next(in: $0) }) else {
            throw CorpusError("\(url.path): empty; expected a first row with the names of the columns")
        }
        if let problem = first.problem { throw CorpusError("\(url.path):\(first.line): \(problem)") }
        columns = first.fields.map { $0.trimmingCharacters(in: .whitespaces) }
        for (index, name) in columns.enumerated() where !name.isEmpty && columns[..<index].contains(name) {
            throw CorpusError("\(url.path):\(first.line): the column \"\(name.prefix(80))\" is there twice")
        }
        start = scanner
    }

    /// Throws for a table that lacks one of these columns.
    func require(_ names: [String]) throws {
        let missing = names.filter { !columns.contains($0) }
        guard missing.isEmpty else {
            let found = columns.filter { !$0.isEmpty }.joined(separator: ", ").prefix(300)
            throw CorpusError(
                "\(url.path): no column \(missing.map { "\"\($0)\"" }.joined(separator: ", ")); found \(found)")
        }
    }

    /// Each row by the names of its columns, fields without blanks around them, empty ones absent. The closure that is
    /// handed over throws for a bad row.
    func forEachRow(_ body: (ImportPlace, () throws -> Record) throws -> Void) throws {
        var scanner = start
        while let row = data.withUnsafeBytes({ scanner.next(in: $0) }) {
            let bytes = data[(data.startIndex + row.start)..<(data.startIndex + row.end)]
            let place = ImportPlace(
                file: url, line: row.line, content: String(decoding: bytes.prefix(8_000), as: UTF8.self))
            try body(place) {
                if let problem = row.problem { throw CorpusError("\(place): \(problem)") }
                guard row.fields.count == columns.count else {
                    throw CorpusError("\(place): expected \(columns.count) fields, found \(row.fields.count)")
                }
                var fields: [String: JSONValue] = [:]
                for (name, field) in zip(columns, row.fields) where !name.isEmpty {
                    let text = field.trimmingCharacters(in: .whitespaces)
                    if !text.isEmpty { fields[name] = .string(text) }
                }
                return Record(place: place.description, fields: fields)
            }
        }
    }

    private struct Row {
        /// From 1, where the row begins.
        var line: Int
        var start: Int
        var end = 0
        var fields: [String] = []
        var problem: String?
    }

    private struct Scanner {
        let delimiter: UInt8
        let quoting: Quoting
        var offset = 0
        var line = 1

        private enum State { case start, plain, quoted, closed }

        /// The next row that is not blank; nil at the end.
        mutating func next(in bytes: UnsafeRawBufferPointer) -> Row? {
            while offset < bytes.count {
                let row = row(in: bytes)
                if row.problem != nil || row.fields.count != 1 || !(row.fields[0].allSatisfy(\.isWhitespace)) {
                    return row
                }
            }
            return nil
        }

        private mutating func row(in bytes: UnsafeRawBufferPointer) -> Row {
            let quote = UInt8(ascii: "\""), newline = UInt8(ascii: "\n"), carriage = UInt8(ascii: "\r")
            var row = Row(line: line, start: offset)
            var state = State.start, field: [UInt8] = []
            /// Where to go on if a quotation mark is never closed: after the row's first line.
            var resume: (offset: Int, line: Int)?

            func close() {
                if let text = String(validating: field, as: UTF8.self) {
                    row.fields.append(text)
                } else {
                    row.problem = row.problem ?? "field \(row.fields.count + 1) is not UTF-8"
                    row.fields.append("")
                }
                if row.fields.count > DelimitedFile.columnLimit {
                    row.problem = row.problem ?? "more than \(DelimitedFile.columnLimit) columns"
                    row.fields.removeLast()
                }
                field.removeAll(keepingCapacity: true)
            }

            while offset < bytes.count {
                let byte = bytes[offset]
                offset += 1
                let tooLong = offset - row.start > CorpusLimits.line
                if tooLong { row.problem = row.problem ?? "more than \(CorpusLimits.line) bytes" }
                if state == .quoted {
                    if tooLong { break }
                    if byte == quote {
                        state = .closed
                    } else {
                        field.append(byte)
                        if byte == newline {
                            line += 1
                            if resume == nil { resume = (offset, line) }
                        }
                    }
                    continue
                }
                if state == .closed, byte == quote {
                    field.append(byte)
                    state = .quoted
                    continue
                }
                switch byte {
                case delimiter:
                    close()
                    state = .start
                case newline, carriage:
                    row.end = offset - 1
                    if byte == carriage, offset < bytes.count, bytes[offset] == newline { offset += 1 }
                    line += 1
                    close()
                    return row
                case quote where quoting == .doubled && state == .start:
                    state = .quoted
                default:
                    if state == .closed {
                        row.problem =
                            row.problem ?? "text after the closing quotation mark of field \(row.fields.count + 1)"
                    }
                    if !tooLong { field.append(byte) }
                    state = .plain
                }
            }
            row.end = offset
            if state == .quoted {
                row.problem = "field \(row.fields.count + 1) begins with a quotation mark that is not closed"
                if let resume {
                    (offset, line) = resume
                    row.end = resume.offset - 1
                }
            }
            close()
            return row
        }
    }
}
