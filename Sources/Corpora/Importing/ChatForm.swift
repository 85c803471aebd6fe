import Checkpoints
import Foundation

/// The forms in which ms-swift and LLaMA-Factory keep a turn with audio, brought into one: `messages` and `audios`.
///
/// - messages: `{"messages": [{"role", "content"}], "audios"}` (both)
/// - sharegpt: `{"conversations": [{"from", "value"}], "audios"}` (LLaMA-Factory, early ms-swift) and
///   `{"conversation": [{"human", "assistant"}]}` (ms-swift)
/// - query and response: `{"query", "response", "history"}` (ms-swift)
/// - alpaca: `{"instruction", "input", "output", "history"}` (both)
///
/// The audio may also stand in the text, as `<audio>path</audio>` (early ms-swift). A missing `<audio>` goes to the front
/// of the user's turn, as ms-swift has it.
struct ChatForm {
    /// With `messages`, `audios` and this project's own fields only.
    let record: Record
    /// What was left out.
    let unused: [String]

    private static let roles = [
        "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system",
    ]

    init(_ original: Record) throws {
        var used: Set<String> = ["system"]
        var turns = try Self.turns(original, &used)
        for field in ["images", "videos"] {
            if case .array(let items)? = original.fields[field], !items.isEmpty {
                throw original.wrong(field, "none: the answer may depend on what is seen")
            }
        }
        var fields = original.fields.filter { MessagesLine.fields.contains($0.key) && $0.key != "audios" }
        // Numbers as ids are common elsewhere.
        if case .integer(let id)? = fields["id"] { fields["id"] = .string(String(id)) }
        if case .string? = original.fields["audios"] {
            fields["audios"] = original.fields["audios"].map { .array([$0]) }
        } else if let audios = original.fields["audios"], audios != .null, audios != .array([]) {
            fields["audios"] = audios
        }
        let paths = turns.indices.flatMap { Self.takePaths(&turns[$0].content) }
        if !paths.isEmpty {
            guard fields["audios"] == nil else {
                throw original.wrong("audios", "nothing beside <audio>path</audio> in the text")
            }
            fields["audios"] = .array(paths.map { .string($0) })
        }
        if !turns.contains(where: { $0.content.contains(MessagesLine.placeholder) }),
            case .array(let audios)? = fields["audios"], audios.count == 1,
            let user = turns.firstIndex(where: { $0.role == "user" })
        {
            turns[user].content = MessagesLine.placeholder + turns[user].content
        }
        fields["messages"] = .array(turns.map { ["role": .string($0.role), "content": .string($0.content)] })
        record = Record(place: original.place, fields: fields)
        unused = original.fields.keys.filter {
            !used.contains($0) && !MessagesLine.fields.contains($0) && original.fields[$0] != .null
        }
    }

    private typealias Turn = (role: String, content: String)

    private static func turns(_ record: Record, _ used: inout Set<String>) throws -> [Turn] {
        /// Empty ones are common here.
        func text(_ field: String) throws -> String? {
            switch record.fields[field] {
            case nil, .null: return nil
            case .string(let text) where text.count <= CorpusLimits.text: return text
            default: throw record.wrong(field, "a text of at most \(CorpusLimits.text) characters")
            }
        }
        func alone() throws {
            switch record.fields["history"] {
            case nil, .null, .array([]): return
            default: throw record.wrong("history", "none: one turn makes one utterance")
            }
        }
        func turn(_ item: JSONValue, _ field: String, _ role: String, _ content: String) throws -> Turn {
            guard case .object(let turn) = item, case .string(let word)? = turn[role],
                case .string(let text)? = turn[content], text.count <= CorpusLimits.text
            else { throw record.wrong(field, "turns with texts under \"\(role)\" and \"\(content)\"") }
            guard let known = roles[word] else {
                throw record.wrong(field, "turns of \(roles.keys.sorted().joined(separator: ", ")) only")
            }
            return (known, text)
        }
        func items(_ field: String) throws -> [JSONValue]? {
            guard let value = record.fields[field], value != .null else { return nil }
            used.insert(field)
            guard case .array(let items) = value, (1...8).contains(items.count) else {
                throw record.wrong(field, "an array of 1 to 8 turns")
            }
            return items
        }
        if let items = try items("messages") { return try items.map { try turn($0, "messages", "role", "content") } }
        if let items = try items("conversations") {
            return try items.map { try turn($0, "conversations", "from", "value") }
        }
        if let items = try items("conversation") {
            guard items.count == 1, case .object(let pair) = items[0], case .string(let asked)? = pair["human"],
                case .string(let answer)? = pair["assistant"], max(asked.count, answer.count) <= CorpusLimits.text
            else { throw record.wrong("conversation", "one pair of texts under \"human\" and \"assistant\"") }
            return [("user", asked), ("assistant", answer)]
        }
        used.formUnion(["query", "response", "instruction", "input", "output", "history"])
        try alone()
        let asked: String, answer: String?
        if record.fields["query"] != nil {
            (asked, answer) = (try text("query") ?? "", try text("response"))
        } else if record.fields["instruction"] != nil || record.fields["input"] != nil {
            asked = try [text("instruction"), text("input")].compactMap { $0 }.filter { !$0.isEmpty }.joined(
                separator: "\n")
            answer = try text("output")
        } else {
            throw record.wrong("messages", "messages, conversations, conversation, query or instruction")
        }
        return [("user", asked)] + (answer.map { [("assistant", $0)] } ?? [])
    }

    /// Takes the paths out of `<audio>path</audio>`, with a number such as "Audio 1:" before it.
    private static func takePaths(_ text: inout String) -> [String] {
        var paths: [String] = []
        let closing = "</audio>"
        while let end = text.range(of: closing),
            let start = text[..<end.lowerBound].range(of: "<audio>", options: .backwards)
        {
            paths.append(text[start.upperBound..<end.lowerBound].trimmingCharacters(in: .whitespaces))
            text.replaceSubrange(start.upperBound..<end.upperBound, with: "")
        }
        if !paths.isEmpty { text = text.replacing(/Audio \d+:\s*<audio>/, with: "<audio>") }
        return paths
    }
}
