import Checkpoints
import Foundation

/// A folder of recordings with a table: a CSV or TSV file whose columns are named as a corpus's fields are.
///
/// Columns with other names are renamed (`columns`), and words of theirs are put into ours (`words`). `voice.age` and the
/// like are entries of `voice`. Must be there: `audio` and `text`. What is missing becomes: id `line-N`; speaker and
/// engine `unknown`; the category that has the attribute; the split by speaker, which is train for a single one.
public struct TableImporter: CorpusImporter {
    public let expects = "a .csv or .tsv file with columns audio, text, ..., or its folder"

    /// What a user says of the columns.
    public struct Options: Sendable {
        /// Columns and the field that each is.
        public var columns: [(column: String, field: String)] = []
        /// By field, a word of the table and ours.
        public var words: [String: [String: String]] = [:]
        public init() {}
    }

    private let options: Options
    private let audioFolder: URL?

    public init(options: Options = Options(), audioFolder: URL? = nil) {
        self.options = options
        self.audioFolder = audioFolder
    }

    public func read(_ source: URL, into list: ImportList) throws {
        let file = try table(source)
        let table = try DelimitedFile(file, expected: "expected \(expects)")
        let fields = try fields(of: table)
        for field in ["audio", "text"] where !fields.values.contains(where: { $0.contains(field) }) {
            throw CorpusError(
                "\(file.path): no column \"\(field)\"; name it with --map COLUMN=\(field). Found "
                    + table.columns.filter { !$0.isEmpty }.joined(separator: ", ").prefix(300))
        }
        list.ignore(table.columns.filter { !$0.isEmpty && fields[$0] == nil })
        let folder = audioFolder ?? file.deletingLastPathComponent()
        try table.forEachRow { place, row in
            try list.add(place) {
                let (record, isOpen) = try native(row(), fields, line: place.line ?? 0)
                let utterance = try UtteranceReader.native(record)
                let url = try ImportFolder.anywhere(folder, utterance.audio, record, "audio")
                return ImportClip(source: url, utterance: utterance, splitBySpeaker: isOpen)
            }
        }
    }

    private func table(_ source: URL) throws -> URL {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: source.path, isDirectory: &isFolder) else {
            throw CorpusError("\(source.path): not there; expected \(expects)")
        }
        guard isFolder.boolValue else { return source }
        let names = try ImportFolder.names(in: source, endings: ["csv", "tsv"])
        guard names.count == 1 else {
            let found = names.isEmpty ? "none" : names.prefix(5).joined(separator: ", ")
            throw CorpusError("\(source.path): expected one .csv or .tsv file, found \(found); name the file itself")
        }
        return source.appendingPathComponent(names[0])
    }

    private static func isField(_ name: String) -> Bool {
        name.hasPrefix("voice.") && name.count > 6 || name != "voice" && UtteranceReader.fields.contains(name)
    }

    /// The fields of each column that has some: its own name, unless `--map` says otherwise.
    private func fields(of table: DelimitedFile) throws -> [String: [String]] {
        let known = UtteranceReader.fields.filter { $0 != "voice" }.sorted().joined(separator: ", ")
        var fields: [String: [String]] = [:]
        for (column, field) in options.columns {
            guard table.columns.contains(column) else {
                throw CorpusError(
                    "\(table.url.path): --map \(column)=\(field): no such column; found "
                        + table.columns.filter { !$0.isEmpty }.joined(separator: ", ").prefix(300))
            }
            guard Self.isField(field) else {
                throw CorpusError("--map \(column)=\(field): expected one of \(known), or voice.NAME")
            }
            fields[column, default: []].append(field)
        }
        for field in options.words.keys where !Self.isField(field) {
            throw CorpusError("--value \(field):...: expected one of \(known), or voice.NAME")
        }
        for column in table.columns where fields[column] == nil && Self.isField(column) { fields[column] = [column] }
        var columns: [String: String] = [:]
        for column in table.columns {
            for field in fields[column] ?? [] {
                if let other = columns.updateValue(column, forKey: field) {
                    throw CorpusError("\(table.url.path): both \"\(other)\" and \"\(column)\" are the field \(field)")
                }
            }
        }
        return fields
    }

    /// A row as a line of a corpus, and whether its split is open.
    private func native(
        _ row: Record, _ columns: [String: [String]], line: Int
    ) throws -> (record: Record, isOpen: Bool) {
        var fields: [String: JSONValue] = [:], voice: [String: JSONValue] = [:]
        for (column, value) in row.fields {
            for field in columns[column] ?? [] {
                guard case .string(let theirs) = value else { continue }
                let word = options.words[field]?[theirs] ?? theirs
                if field.hasPrefix("voice.") {
                    voice[String(field.dropFirst(6))] = .string(word)
                } else if field == "declaredAge", let years = Int(word) {
                    fields[field] = .integer(years)
                } else {
                    fields[field] = .string(word)
                }
            }
        }
        if !voice.isEmpty { fields["voice"] = .object(voice) }
        for (field, value) in ["id": "line-\(line)", "speaker": "unknown", "engine": "unknown"]
        where fields[field] == nil { fields[field] = .string(value) }
        if fields["category"] == nil, case .string(let attribute)? = fields["attribute"] {
            guard let category = Category.allCases.first(where: { $0.attributes.contains(attribute) }) else {
                let known = Category.allCases.flatMap(\.attributes).joined(separator: ", ")
                throw CorpusError(
                    "\(row.place): field \"attribute\": expected one of \(known), found \"\(attribute.prefix(80))\"; "
                        + "--value attribute:THEIRS=OURS puts other words into these")
            }
            fields["category"] = .string(category.rawValue)
        }
        let isOpen = fields["split"] == nil
        if isOpen { fields["split"] = "train" }
        return (Record(place: row.place, fields: fields), isOpen)
    }
}
