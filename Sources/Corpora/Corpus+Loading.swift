import Checkpoints
import Foundation

extension Corpus {
    /// Reads a corpus strictly: the first bad line throws, named as file:line with field, expected and found.
    ///
    /// Each line is an utterance in this project's form, or a `messages` + `audios` line as ms-swift and LLaMA-Factory
    /// use them. Audio must lie in the folder; it is looked at by `check`, not decoded here.
    /// - Parameters:
    ///   - folder: the corpus folder, or a .jsonl file in it.
    ///   - skipBad: leaves bad lines out and lists them in `rejects` instead of throwing. A corpus without one good
    ///     line throws all the same.
    ///   - rejectsFile: where the rejected lines go as JSON lines, with their reasons; nil: nowhere.
    public static func load(_ folder: URL, skipBad: Bool = false, rejectsFile: URL? = nil) throws -> Corpus {
        let isFile = folder.pathExtension == "jsonl"
        let file = isFile ? folder : folder.appendingPathComponent(fileName)
        let base = isFile ? folder.deletingLastPathComponent() : folder
        let data = try contents(of: file)
        var reader = UtteranceReader(file: file, folder: base)
        var corpus = Corpus(folder: base, utterances: [])
        try forEachLine(of: data) { number, bytes in
            do {
                guard let utterance = try reader.read(bytes, line: number) else { return }
                guard corpus.utterances.count < CorpusLimits.utterances else {
                    throw CorpusError("\(file.path):\(number): more than \(CorpusLimits.utterances) utterances")
                }
                corpus.utterances.append(utterance)
            } catch let error as CorpusError where skipBad {
                let content = String(decoding: bytes.prefix(2_000), as: UTF8.self)
                corpus.rejects.append(Reject(line: number, reason: error.description, content: content))
            }
        }
        if let rejectsFile { try writeRejects(corpus.rejects, to: rejectsFile) }
        guard !corpus.utterances.isEmpty else {
            let first = corpus.rejects.first.map { " The first of \(corpus.rejects.count) bad lines: \($0.reason)" }
            throw CorpusError("\(file.path): no utterance in it; expected one JSON object a line.\(first ?? "")")
        }
        return corpus
    }

    static func contents(of file: URL) throws -> Data {
        let attributes: [FileAttributeKey: Any]
        do {
            attributes = try FileManager.default.attributesOfItem(atPath: file.resolvingSymlinksInPath().path)
        } catch {
            throw CorpusError("\(file.path): not there or not readable; a corpus is a folder with \(fileName)")
        }
        guard attributes[.type] as? FileAttributeType == .typeRegular, let size = attributes[.size] as? Int else {
            throw CorpusError("\(file.path): expected a file")
        }
        guard size <= CorpusLimits.file else {
            throw CorpusError("\(file.path): \(size) bytes; at most \(CorpusLimits.file) are read, split the corpus")
        }
        do {
            return try Data(contentsOf: file)
        } catch {
            throw CorpusError("\(file.path): cannot be read: \(error.localizedDescription)")
        }
    }

    /// Lines from 1, without their ends; the mark of UTF-8 at the start of the file is left out.
    static func forEachLine(of data: Data, _ body: (Int, Data) throws -> Void) throws {
        var rest = data.starts(with: [0xef, 0xbb, 0xbf]) ? data.dropFirst(3) : data[...]
        var number = 0
        while !rest.isEmpty {
            number += 1
            let end = rest.firstIndex(of: 0x0a) ?? rest.endIndex
            var line = rest[..<end]
            if line.last == 0x0d { line = line.dropLast() }
            try body(number, line)
            rest = end < rest.endIndex ? rest[(end + 1)...] : Data()
        }
    }

    private static func writeRejects(_ rejects: [Reject], to file: URL) throws {
        let lines = rejects.map { reject in
            let value: JSONValue = [
                "line": .integer(reject.line), "error": .string(reject.reason), "content": .string(reject.content),
            ]
            return value.text() + "\n"
        }
        try AtomicFile.write(Data(lines.joined().utf8), to: file)
    }
}
