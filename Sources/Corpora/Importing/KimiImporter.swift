import Checkpoints
import Foundation

/// Kimi-Audio's fine-tuning file, one object a line: `{"task_type": "understanding", "conversation": [{"role": "user",
/// "message_type": "text" or "audio", "content": text or path}, ..., {"role": "assistant", "message_type": "text",
/// "content": answer}]}`.
///
/// The user's text is what the model is asked beside the audio, such as to transcribe it: a field `text` may say what is
/// spoken. Spoken answers (`speech2speech`) are not read: a response here is a text. `audio_tokens` are left out.
public struct KimiImporter: CorpusImporter {
    public let expects = "a .jsonl file for Kimi-Audio's fine-tuning"
    private let audioFolder: URL?

    public init(audioFolder: URL? = nil) { self.audioFolder = audioFolder }

    public func read(_ source: URL, into list: ImportList) throws {
        try MessagesImporter.read(source, audioFolder: audioFolder, expects: expects, into: list) { original in
            let record = try messages(original)
            let known = Set(record.fields.keys).union(["task_type", "conversation"])
            return (record, original.fields.keys.filter { !known.contains($0) })
        }
    }

    /// The same as a `messages` line.
    private func messages(_ record: Record) throws -> Record {
        let task = try record.optionalName("task_type") ?? "understanding"
        guard task == "understanding" else { throw record.wrong("task_type", "understanding: a text answers") }
        guard case .array(let items)? = record.fields["conversation"], (1...8).contains(items.count) else {
            throw record.wrong("conversation", "an array of 1 to 8 messages")
        }
        var asked: [String] = [], audios: [JSONValue] = [], answers: [JSONValue] = []
        for item in items {
            guard case .object(let message) = item, case .string(let role)? = message["role"],
                case .string(let type)? = message["message_type"], case .string(let content)? = message["content"]
            else { throw record.wrong("conversation", "messages with role, message_type and content") }
            switch (role, type) {
            case ("user", "text"): asked.append(content)
            case ("user", "audio"): audios.append(.string(content))
            case ("assistant", "text"): answers.append(["role": "assistant", "content": .string(content)])
            default:
                throw record.wrong(
                    "conversation", "text and audio of the user and text of the assistant, not \(type) of \(role)")
            }
        }
        let prompt = MessagesLine.placeholder + asked.joined(separator: "\n")
        var fields = record.fields.filter { MessagesLine.fields.contains($0.key) }
        fields["audios"] = .array(audios)
        fields["messages"] = .array([["role": "user", "content": .string(prompt)]] + answers)
        return Record(place: record.place, fields: fields)
    }
}
