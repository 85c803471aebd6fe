import Checkpoints
import Foundation

/// Turns lines into utterances, remembering ids.
struct UtteranceReader {
    let file: URL
    let folder: URL
    /// With links resolved: what the audio's resolved path must begin with.
    private let root: String
    private var lines: [String: Int] = [:]

    init(file: URL, folder: URL) {
        self.file = file
        self.folder = folder
        let path = folder.resolvingSymlinksInPath().standardizedFileURL.path
        root = path.hasSuffix("/") ? path : path + "/"
    }

    static let fields: Set<String> = [
        "id", "audio", "text", "category", "attribute", "speaker", "engine", "split", "response", "generic", "intent",
        "declaredAge", "scenario", "voice",
    ]

    /// nil for a blank line.
    mutating func read(_ bytes: Data, line: Int) throws -> Utterance? {
        let place = "\(file.path):\(line)"
        guard bytes.count <= CorpusLimits.line else {
            throw CorpusError("\(place): \(bytes.count) bytes; a line may have at most \(CorpusLimits.line)")
        }
        guard bytes.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { return nil }
        let utterance: Utterance
        do {
            let value = try JSONFile.value(of: bytes, name: place)
            guard case .object(let fields) = value else {
                throw CorpusError("\(place): expected a JSON object")
            }
            let record = Record(place: place, fields: fields)
            utterance =
                try fields["messages"] == nil ? Self.native(record) : MessagesLine(record, line: line).utterance()
        } catch let error as CheckpointError {
            throw CorpusError(error.description)  // its text begins with the place
        }
        if let first = lines.updateValue(line, forKey: utterance.id) {
            throw CorpusError(
                "\(place): field \"id\": \"\(utterance.id)\" is on line \(first) already; ids must differ")
        }
        try checkAudio(utterance.audio, place: place)
        return utterance
    }

    /// A line in this project's own form.
    static func native(_ record: Record) throws -> Utterance {
        if let unknown = record.fields.keys.filter({ !fields.contains($0) }).min() {
            let known = fields.sorted().joined(separator: ", ")
            throw CorpusError("\(record.place): unknown field \"\(unknown)\"; known are \(known)")
        }
        let (category, attribute) = try record.label()
        return Utterance(
            id: try record.name("id"), audio: try record.name("audio"), text: try record.text("text"),
            category: category, attribute: attribute, speaker: try record.name("speaker"),
            engine: try record.name("engine"), split: try record.choice("split"),
            response: try record.optionalText("response"), generic: try record.optionalText("generic"),
            intent: try record.optionalName("intent"), declaredAge: try record.age("declaredAge"),
            scenario: try record.optionalName("scenario"), voice: try record.voice())
    }

    private func checkAudio(_ path: String, place: String) throws {
        func wrong(_ what: String) -> CorpusError { CorpusError("\(place): field \"audio\": \(what)") }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard !path.hasPrefix("/"), !parts.contains("..") else {
            throw wrong("expected a path inside the corpus folder, relative to it, found \"\(path.prefix(200))\"")
        }
        let url = folder.appendingPathComponent(path)
        // resolvingSymlinksInPath leaves a loop as it is: the attributes tell then.
        let resolved = url.resolvingSymlinksInPath().standardizedFileURL.path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: resolved) else {
            throw wrong("expected an audio file, found nothing readable at \(url.path)")
        }
        guard resolved.hasPrefix(root) else {
            throw wrong("\"\(path.prefix(200))\" is a link that leaves the corpus folder; copy the file instead")
        }
        guard attributes[.type] as? FileAttributeType == .typeRegular else {
            throw wrong("expected an audio file, found something else at \(url.path)")
        }
        guard (attributes[.size] as? Int ?? 0) > 0 else { throw wrong("the file \(url.path) is empty") }
    }
}

/// One line's fields with checks whose errors name line, field, expected and found.
struct Record {
    let place: String
    let fields: [String: JSONValue]

    func wrong(_ field: String, _ expected: String) -> CorpusError {
        let found = fields[field].map { String($0.text().prefix(80)) } ?? "nothing"
        return CorpusError("\(place): field \"\(field)\": expected \(expected), found \(found)")
    }

    /// null counts as absent.
    func string(_ field: String, limit: Int) throws -> String? {
        switch fields[field] {
        case nil, .null: return nil
        case .string(let text):
            guard text.count <= limit else { throw wrong(field, "at most \(limit) characters") }
            guard !text.allSatisfy(\.isWhitespace) else { throw wrong(field, "a text that is not empty") }
            guard !text.unicodeScalars.contains("\0") else { throw wrong(field, "a text without NUL") }
            return text
        default: throw wrong(field, "a text")
        }
    }

    func optionalName(_ field: String) throws -> String? { try string(field, limit: CorpusLimits.name) }
    func optionalText(_ field: String) throws -> String? { try string(field, limit: CorpusLimits.text) }

    func name(_ field: String) throws -> String {
        guard let text = try optionalName(field) else { throw wrong(field, "a text") }
        return text
    }

    func text(_ field: String) throws -> String {
        guard let text = try optionalText(field) else { throw wrong(field, "a text") }
        return text
    }

    func optionalChoice<T: RawRepresentable<String> & CaseIterable>(_ field: String) throws -> T? {
        guard let text = try optionalName(field) else { return nil }
        guard let value = T(rawValue: text) else {
            throw wrong(field, "one of " + T.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return value
    }

    func choice<T: RawRepresentable<String> & CaseIterable>(_ field: String) throws -> T {
        guard let value: T = try optionalChoice(field) else {
            throw wrong(field, "one of " + T.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return value
    }

    /// Both or neither, and the attribute one of its category's.
    func label() throws -> (Category?, String?) {
        let category: Category? = try optionalChoice("category")
        let attribute = try optionalName("attribute")
        guard let category else {
            guard attribute == nil else { throw wrong("category", "a category, as there is an attribute") }
            return (nil, nil)
        }
        guard let attribute, category.attributes.contains(attribute) else {
            throw wrong("attribute", "one of \(category.attributes.joined(separator: ", ")) (\(category.rawValue))")
        }
        return (category, attribute)
    }

    func age(_ field: String) throws -> Int? {
        switch fields[field] {
        case nil, .null: return nil
        case .integer(let years) where (0...130).contains(years): return years
        default: throw wrong(field, "whole years from 0 to 130")
        }
    }

    /// Labels of the voice: any names, but age, gender and emotion with their known values.
    func voice() throws -> [String: String]? {
        switch fields["voice"] {
        case nil, .null: return nil
        case .object(let items):
            var labels: [String: String] = [:]
            for (key, value) in items {
                guard case .string(let text) = value, !text.isEmpty, text.count <= CorpusLimits.name else {
                    throw wrong("voice", "texts only (see \"\(key.prefix(40))\")")
                }
                if let category = Category(rawValue: key) {
                    let allowed = category.attributes + (category == .emotion ? ["neutral", "calm"] : [])
                    guard allowed.contains(text) else {
                        throw wrong("voice", "\"\(key)\" to be one of \(allowed.joined(separator: ", "))")
                    }
                }
                labels[key] = text
            }
            return labels
        default: throw wrong("voice", "an object of texts")
        }
    }
}
