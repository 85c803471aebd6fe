import Checkpoints
import Foundation

extension Corpus {
    /// A clip that was left out of corpus.jsonl: its audio stays, its line stands in `dropped.jsonl`.
    public struct Dropped: Sendable, Equatable {
        public var utterance: Utterance
        /// Where it belongs among the corpus's utterances, from 0.
        public var position: Int
        /// What was heard.
        public var transcript: String
        public var wordErrorRate: Double

        public init(utterance: Utterance, position: Int, transcript: String, wordErrorRate: Double) {
            self.utterance = utterance
            self.position = position
            self.transcript = transcript
            self.wordErrorRate = wordErrorRate
        }
    }

    /// The file of dropped clips, beside corpus.jsonl.
    public static let droppedName = "dropped.jsonl"

    /// The clips that were dropped from a corpus; none where there is no such file.
    public static func dropped(in folder: URL) throws -> [Dropped] {
        let file = folder.appendingPathComponent(droppedName)
        guard FileManager.default.fileExists(atPath: file.path) else { return [] }
        var reader = UtteranceReader(file: file, folder: folder), found: [Dropped] = []
        try forEachLine(of: contents(of: file)) { number, bytes in
            guard bytes.count <= CorpusLimits.line, bytes.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { return }
            let place = "\(file.path):\(number)"
            do {
                guard case .object(var fields) = try JSONFile.value(of: bytes, name: place) else {
                    throw CorpusError("\(place): expected a JSON object")
                }
                let line = JSONObject(fields, place: place)
                for key in ["position", "transcript", "wordErrorRate"] { fields[key] = nil }
                guard let utterance = try reader.read(Data(JSONValue.object(fields).text().utf8), line: number) else {
                    return
                }
                found.append(
                    Dropped(
                        utterance: utterance, position: try line.int("position", in: 0...CorpusLimits.utterances),
                        transcript: try line.string("transcript"),
                        wordErrorRate: try line.double("wordErrorRate", in: 0...1e9)))
            } catch let error as CheckpointError {
                throw CorpusError(error.description)
            }
        }
        return found
    }

    /// The utterances with dropped ones back at their places. One that is in the corpus already is not there twice.
    public func restoring(_ dropped: [Dropped]) -> [Utterance] {
        let known = Set(utterances.map(\.id))
        var all = utterances
        for clip in dropped.sorted(by: { $0.position < $1.position }) where !known.contains(clip.utterance.id) {
            all.insert(clip.utterance, at: min(clip.position, all.count))
        }
        return all
    }

    /// Writes corpus.jsonl without the dropped clips, and these to dropped.jsonl. At any moment every clip is in one of the two
    /// files, or in both.
    ///
    /// - Parameter before: what dropped.jsonl holds now.
    public func write(dropping dropped: [Dropped], before: [Dropped]) throws {
        let gone = Set(dropped.map(\.utterance.id))
        var kept = self
        kept.utterances = utterances.filter { !gone.contains($0.id) }
        guard !kept.utterances.isEmpty else {
            throw CorpusError("\(folder.path): all \(utterances.count) clips would be dropped; raise the limit")
        }
        let returning = before.filter { !gone.contains($0.utterance.id) }
        try write(dropped: dropped + returning)
        try kept.write()
        if !returning.isEmpty { try write(dropped: dropped) }
    }

    /// A corpus that has just been made: what a verification dropped of an earlier one in its folder is none of this one's.
    func writeAnew() throws {
        try? FileManager.default.removeItem(at: folder.appendingPathComponent(Self.droppedName))
        try write()
    }

    private func write(dropped: [Dropped]) throws {
        let lines = dropped.map { clip in
            let more: [String: JSONValue] = [
                "position": .integer(clip.position), "transcript": .string(clip.transcript),
                "wordErrorRate": .number(clip.wordErrorRate),
            ]
            return JSONValue.object(clip.utterance.fields.merging(more) { $1 }).text() + "\n"
        }
        try AtomicFile.write(Data(lines.joined().utf8), to: folder.appendingPathComponent(Self.droppedName))
    }
}
