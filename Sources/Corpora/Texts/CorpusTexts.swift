import Checkpoints
import Foundation

/// The written texts: queries with a response for each attribute value, intents, declared ages.
public struct CorpusTexts: Sendable {
    /// A query whose right answer depends on who asks.
    public struct Query: Sendable, Equatable {
        public var id: String
        /// Topic, or scenario of a child-safety query.
        public var topic: String
        public var split: Split
        public var text: String
        /// By attribute value.
        public var responses: [String: String]
        public var generic: String?
    }

    public struct Command: Sendable, Equatable {
        public var id: String
        public var intent: String
        public var split: Split
        public var text: String
    }

    /// A sentence that tells the speaker's age, and the age.
    public struct Declaration: Sendable, Equatable {
        public var name: String
        public var prefix: String
        public var years: Int
    }

    /// In the order of the files; a category whose file is absent is missing.
    public var queries: [Category: [Query]] = [:]
    public var safety: [Query] = []
    public var commands: [Command] = []
    /// Intents that are each other's opposite.
    public var opposites: [[String]] = []
    public var declarations: [Declaration] = []
    /// Everyday sentences that nothing is answered to: speech for training a projector.
    public var sentences: [String] = []

    public init() {}

    /// The texts that come with the package.
    public static func bundled() throws -> CorpusTexts {
        guard let folder = Bundle.module.url(forResource: "Resources/texts", withExtension: nil) else {
            throw CorpusError("the package's texts are missing beside the program; install it again")
        }
        return try load(folder)
    }

    /// Texts of one's own, in files of the same names; those that are absent are left out.
    public static func load(_ folder: URL) throws -> CorpusTexts {
        var texts = CorpusTexts()
        for category in Category.allCases {
            let file = folder.appendingPathComponent("\(category.rawValue).jsonl")
            guard FileManager.default.fileExists(atPath: file.path) else { continue }
            texts.queries[category] = try records(file).map {
                try query($0, topic: "topic", attributes: category.attributes)
            }
        }
        let safety = folder.appendingPathComponent("safety.jsonl")
        if FileManager.default.fileExists(atPath: safety.path) {
            texts.safety = try records(safety).map {
                try query($0, topic: "scenario", attributes: Category.age.attributes)
            }
        }
        let intents = folder.appendingPathComponent("intents.jsonl")
        if FileManager.default.fileExists(atPath: intents.path) {
            texts.commands = try records(intents).map {
                Command(
                    id: try $0.name("id"), intent: try $0.name("intent"), split: try $0.choice("split"),
                    text: try $0.text("text"))
            }
        }
        try texts.readPairs(folder.appendingPathComponent("pairs.json"))
        try texts.readDeclarations(folder.appendingPathComponent("declared.json"))
        let sentences = folder.appendingPathComponent("sentences.txt")
        if FileManager.default.fileExists(atPath: sentences.path) {
            guard let text = try? String(contentsOf: sentences, encoding: .utf8) else {
                throw CorpusError("\(sentences.path): not UTF-8 text")
            }
            texts.sentences = text.split(whereSeparator: \.isNewline).map(String.init)
        }
        try texts.checkIds(folder)
        return texts
    }

    /// Every text that training must not hear.
    public var heldOut: Set<String> {
        var texts = Set(commands.filter { $0.split != .train }.map(\.text))
        for query in queries.values.joined() where query.split != .train { texts.insert(query.text) }
        for query in safety {
            texts.insert(query.text)
            for declaration in declarations { texts.insert("\(declaration.prefix) \(query.text)") }
        }
        return texts
    }

    private static func records(_ file: URL) throws -> [Record] {
        guard let data = try? Data(contentsOf: file) else { throw CorpusError("\(file.path): cannot be read") }
        var records: [Record] = []
        for (index, line) in data.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated()
        where line.contains(where: { $0 > 0x20 }) {
            let place = "\(file.path):\(index + 1)"
            do {
                guard case .object(let fields) = try JSONFile.value(of: Data(line), name: place) else {
                    throw CorpusError("\(place): expected a JSON object")
                }
                records.append(Record(place: place, fields: fields))
            } catch let error as CheckpointError {
                throw CorpusError(error.description)
            }
        }
        return records
    }

    private static func query(_ record: Record, topic: String, attributes: [String]) throws -> Query {
        guard case .object(let items)? = record.fields["responses"], items.count >= 2 else {
            throw record.wrong("responses", "an object with at least two of \(attributes.joined(separator: ", "))")
        }
        var responses: [String: String] = [:]
        for (attribute, value) in items {
            guard attributes.contains(attribute), case .string(let text) = value, !text.allSatisfy(\.isWhitespace)
            else { throw record.wrong("responses", "texts under \(attributes.joined(separator: ", "))") }
            responses[attribute] = text
        }
        return Query(
            id: try record.name("id"), topic: try record.name(topic), split: try record.choice("split"),
            text: try record.text("text"), responses: responses, generic: try record.optionalText("generic"))
    }

    private mutating func readPairs(_ file: URL) throws {
        guard FileManager.default.fileExists(atPath: file.path) else { return }
        struct Pairs: Decodable { var pairs: [[String]] }
        opposites = try Self.decode(Pairs.self, file).pairs
        let known = Set(commands.map(\.intent))
        for pair in opposites where pair.count != 2 || !known.isSuperset(of: pair) {
            throw CorpusError("\(file.path): \(pair): expected two intents of intents.jsonl")
        }
    }

    private mutating func readDeclarations(_ file: URL) throws {
        guard FileManager.default.fileExists(atPath: file.path) else { return }
        struct Declared: Decodable {
            var prefixes: [String: String]
            var years: [String: Int]
        }
        let declared = try Self.decode(Declared.self, file)
        declarations = try declared.prefixes.map { name, prefix in
            guard let years = declared.years[name] else {
                throw CorpusError("\(file.path): \"years\" has no \"\(name)\"")
            }
            return Declaration(name: name, prefix: prefix, years: years)
        }.sorted { ($0.years, $0.name) < ($1.years, $1.name) }
    }

    private static func decode<T: Decodable>(_ type: T.Type, _ file: URL) throws -> T {
        do {
            return try JSONDecoder().decode(type, from: Data(contentsOf: file))
        } catch {
            throw CorpusError("\(file.path): not as expected: \(error)")
        }
    }

    private func checkIds(_ folder: URL) throws {
        var seen: Set<String> = []
        let ids = Category.allCases.flatMap { (queries[$0] ?? []).map(\.id) } + safety.map(\.id) + commands.map(\.id)
        for id in ids where !seen.insert(id).inserted {
            throw CorpusError("\(folder.path): the id \"\(id)\" is there twice")
        }
    }
}
