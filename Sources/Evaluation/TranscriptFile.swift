import Checkpoints
import Corpora
import Foundation

/// `transcripts.jsonl` beside a corpus: what was heard in each clip, by the SHA-256 of its audio. The first line names the
/// transcriber; what another one heard is not used. A line that cannot be read counts as absent.
struct TranscriptFile {
    static let name = "transcripts.jsonl"
    private let url: URL
    private let transcriber: String
    private var lines: [String: (id: String, transcript: String)] = [:]

    init(folder: URL, transcriber: String) {
        url = folder.appendingPathComponent(Self.name)
        self.transcriber = transcriber
        guard let size = (try? FileManager.default.attributesOfItem(atPath: url.path))?[.size] as? Int,
            size <= CorpusLimits.file, let data = try? Data(contentsOf: url)
        else { return }
        let objects = data.split(separator: 0x0a).map { line -> JSONObject? in
            guard line.count <= CorpusLimits.line,
                case .object(let fields)? = try? JSONFile.value(of: Data(line), name: url.path)
            else { return nil }
            return JSONObject(fields, place: url.path)
        }
        guard let first = objects.first, (try? first?.string("transcriber")) == transcriber else { return }
        for case let line? in objects.dropFirst() {
            guard let sum = try? line.string("sha256"), let id = try? line.string("id"),
                let transcript = try? line.string("transcript")
            else { continue }
            lines[sum] = (id, transcript)
        }
    }

    subscript(sum: String) -> String? { lines[sum]?.transcript }

    mutating func add(_ transcript: String, of id: String, sum: String) { lines[sum] = (id, transcript) }

    /// Of the clips whose audio is named, in this order; others are forgotten.
    func write(_ sums: [String]) throws {
        var written: Set<String> = [], text = JSONValue.object(["transcriber": .string(transcriber)]).text() + "\n"
        for sum in sums {
            guard let line = lines[sum], written.insert(sum).inserted else { continue }
            let value: JSONValue = [
                "id": .string(line.id), "sha256": .string(sum), "transcript": .string(line.transcript),
            ]
            text += value.text() + "\n"
        }
        try AtomicFile.write(Data(text.utf8), to: url)
    }
}
