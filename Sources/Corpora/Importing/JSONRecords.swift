import Checkpoints
import Foundation

/// Objects of a file with one a line, or with all in one JSON array.
enum JSONRecords {
    /// Hands over where each object stands and how to get it; a blank line is none. Arrays may have 64 MiB, files of
    /// lines `CorpusLimits.file`.
    static func forEach(
        in file: URL, expected: String, _ body: (ImportPlace, () throws -> Record) throws -> Void
    ) throws {
        let data = try Corpus.contents(of: file, expected: expected)
        let text = data.starts(with: [0xef, 0xbb, 0xbf]) ? data.dropFirst(3) : data[...]
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0a || $0 == 0x0d }
        if text.first(where: { !isBlank($0) }) == UInt8(ascii: "[") {
            guard text.count <= CheckpointLimits.jsonFile else {
                throw CorpusError(
                    "\(file.path): an array of \(text.count) bytes; at most \(CheckpointLimits.jsonFile) are read. "
                        + "Write one object a line instead")
            }
            guard case .array(let items) = try value(of: Data(text), name: file.path) else { return }
            for (index, item) in items.enumerated() {
                let place = ImportPlace(file: file, line: index + 1, content: item.text())
                try body(place) { try record(item, place) }
            }
            return
        }
        try Corpus.forEachLine(of: data) { number, line in
            guard !line.allSatisfy(isBlank) else { return }
            let place = ImportPlace(
                file: file, line: number, content: String(decoding: line.prefix(8_000), as: UTF8.self))
            try body(place) {
                guard line.count <= CorpusLimits.line else {
                    throw CorpusError("\(place): \(line.count) bytes; a line may have at most \(CorpusLimits.line)")
                }
                return try record(value(of: line, name: place.description), place)
            }
        }
    }

    private static func value(of data: Data, name: String) throws -> JSONValue {
        do {
            return try JSONFile.value(of: data, name: name)
        } catch let error as CheckpointError {
            throw CorpusError(error.description)
        }
    }

    private static func record(_ value: JSONValue, _ place: ImportPlace) throws -> Record {
        guard case .object(let fields) = value else { throw CorpusError("\(place): expected a JSON object") }
        return Record(place: place.description, fields: fields)
    }
}
