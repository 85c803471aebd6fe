import Checkpoints
import Foundation

/// A line with `messages` and `audios`, as ms-swift and LLaMA-Factory use them: one clip in the user's turn, one answer.
///
/// `{"messages": [{"role": "user", "content": "<audio>What is this?"}, {"role": "assistant", "content": "..."}],
/// "audios": ["clip.wav"]}`, with this project's own fields where the line has them. Without them the split is train,
/// the speaker is unknown, and the text is what stands beside `<audio>`, else the audio's name. A system turn is allowed
/// and not kept: the prompt belongs to the model.
struct MessagesLine {
    private let record: Record
    private let line: Int
    static let placeholder = "<audio>"
    static let fields: Set<String> = [
        "messages", "audios", "id", "text", "category", "attribute", "speaker", "engine", "split", "generic", "intent",
        "declaredAge", "scenario", "voice",
    ]

    init(_ record: Record, line: Int) {
        self.record = record
        self.line = line
    }

    func utterance() throws -> Utterance {
        if let unknown = record.fields.keys.filter({ !Self.fields.contains($0) }).min() {
            throw CorpusError("\(record.place): unknown field \"\(unknown)\" in a line with messages")
        }
        let audio = try audio()
        let turns = try turns()
        let users = turns.filter { $0.role == "user" }
        let answers = turns.filter { $0.role == "assistant" }
        guard users.count == 1, let user = users.first else {
            throw record.wrong("messages", "one user turn, not \(users.count)")
        }
        guard answers.count <= 1 else { throw record.wrong("messages", "at most one assistant turn") }
        for turn in turns where turn.role != "user" {
            guard count(in: turn.content) == 0 else {
                throw record.wrong("messages", "\(Self.placeholder) in the user's turn only")
            }
        }
        let places = count(in: user.content)
        guard places == 1 else {
            throw record.wrong("messages", "\(Self.placeholder) once for the one audio, not \(places) times")
        }
        let spoken = user.content.replacingOccurrences(of: Self.placeholder, with: " ")
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let (category, attribute) = try record.label()
        let answer = answers.first?.content
        if let answer, answer.allSatisfy(\.isWhitespace) {
            throw record.wrong("messages", "an assistant turn that is not empty")
        }
        return Utterance(
            id: try record.optionalName("id") ?? "line-\(line)", audio: audio,
            text: try record.optionalText("text") ?? (spoken.isEmpty ? audio : spoken), category: category,
            attribute: attribute, speaker: try record.optionalName("speaker") ?? "unknown",
            engine: try record.optionalName("engine") ?? "unknown", split: try record.optionalChoice("split") ?? .train,
            response: answer, generic: try record.optionalText("generic"), intent: try record.optionalName("intent"),
            declaredAge: try record.age("declaredAge"), scenario: try record.optionalName("scenario"),
            voice: try record.voice())
    }

    private func audio() throws -> String {
        guard case .array(let items)? = record.fields["audios"], items.count == 1, case .string(let path) = items[0],
            !path.isEmpty, path.count <= CorpusLimits.name, !path.unicodeScalars.contains("\0")
        else { throw record.wrong("audios", "an array with one path: one clip makes one utterance") }
        return path
    }

    private func turns() throws -> [(role: String, content: String)] {
        guard case .array(let items)? = record.fields["messages"], (1...8).contains(items.count) else {
            throw record.wrong("messages", "an array of 1 to 8 turns")
        }
        return try items.map { item in
            guard case .object(let turn) = item, case .string(let role)? = turn["role"],
                ["system", "user", "assistant"].contains(role), case .string(let content)? = turn["content"],
                content.count <= CorpusLimits.text
            else {
                throw record.wrong(
                    "messages", "turns with a role (system, user, assistant) and a content of text")
            }
            return (role, content)
        }
    }

    private func count(in text: String) -> Int { text.components(separatedBy: Self.placeholder).count - 1 }
}
