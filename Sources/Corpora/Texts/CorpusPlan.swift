import Foundation
import MLX

/// What is to be spoken: utterances with their speech jobs, in an order that depends on texts, voices and options alone.
public struct CorpusPlan: Sendable {
    public enum Part: String, Codable, Sendable, CaseIterable {
        case age, gender, emotion, safety, intents, declared, alignment
    }

    public struct Item: Sendable, Equatable {
        /// `audio` is filled in by the builder.
        public var utterance: Utterance
        public var job: SpeechJob
    }

    public struct Options: Sendable {
        /// All but `alignment`, which is a corpus of its own for training a projector.
        public var parts: Set<Part> = Set(Part.allCases).subtracting([.alignment])
        public var seed: UInt64 = 1
        public var level = LevelRule.constant
        /// Whose texts are spoken.
        public var splits = Set(Split.allCases)
        /// Training texts of each category; nil: all there are. Fewer are spread over the files, so that topics stay.
        public var textsPerCategory: Int?
        /// Other numbers for single categories.
        public var textsOf: [Category: Int] = [:]
        /// At most so many texts of each category for validation and test each, and of the safety queries; nil: a tenth of
        /// `textsPerCategory`, or all.
        public var heldOutTexts: Int?
        /// The same for validation alone, of each category.
        public var validationTexts: Int?
        var heldOutLimit: Int? { heldOutTexts ?? textsPerCategory.map { max(1, ($0 + 9) / 10) } }
        /// Voices that speak each intent phrasing.
        public var voicesPerCommand = 3
        /// Share of strong emotion; the rest is normal, which is often near neutral. The paper's engine is asked for "very sad".
        public var strongShare = 1.0
        /// For the part alignment: how many of the sentences; nil: all.
        public var alignmentSentences: Int?
        /// Whom the voices of the engine `endpoint` ask.
        public var endpoint: SpeechEndpoint?
        public init() {}
    }

    public var items: [Item] = []
    public let options: Options
    private let voices: [Voice]

    /// Throws where a split that has texts lacks a voice of an age, sex or engine that it needs.
    public init(texts: CorpusTexts, voices: [Voice] = Voice.packaged, options: Options = Options()) throws {
        self.voices = voices
        self.options = options
        if let count = options.textsPerCategory, count < 1 {
            throw CorpusError("texts per category: expected at least 1, found \(count)")
        }
        guard (0...1).contains(options.strongShare) else {
            throw CorpusError("share of strong emotions: expected 0 to 1, found \(options.strongShare)")
        }
        for part in Part.allCases where options.parts.contains(part) {
            switch part {
            case .age, .gender, .emotion:
                guard let category = Category(rawValue: part.rawValue) else { continue }
                guard let queries = texts.queries[category] else {
                    throw CorpusError("part \(part.rawValue): there are no texts for it (texts/\(part.rawValue).jsonl)")
                }
                try addQueries(queries, category: category)
            case .safety: try addSafety(texts.safety)
            case .intents: try addCommands(texts.commands)
            case .declared: try addDeclared(texts)
            case .alignment: try addAlignment(texts)
            }
        }
    }

    /// Every text by one voice for each attribute value that it has a response for.
    private mutating func addQueries(_ queries: [CorpusTexts.Query], category: Category) throws {
        for split in Split.allCases where options.splits.contains(split) {
            let all = Array(queries.filter { $0.split == split }.enumerated())
            let limit =
                switch split {
                case .train: options.textsOf[category] ?? options.textsPerCategory
                case .validation: options.validationTexts ?? options.heldOutLimit
                case .test: options.heldOutLimit
                }
            for (index, query) in some(all, limit, of: split) {
                for attribute in category.attributes {
                    guard let response = query.responses[attribute] else { continue }
                    let sex = category == .gender ? Sex(rawValue: attribute) : nil
                    let voice = try voice(at: index, split: split, sex: sex)
                    var item = item(
                        "\(query.id)-\(attribute)", query.text, voice, split: split, child: attribute == "child",
                        emotion: category == .emotion ? attribute : nil)
                    item.utterance.category = category
                    item.utterance.attribute = attribute
                    item.utterance.response = response
                    item.utterance.generic = query.generic
                    items.append(item)
                }
            }
        }
    }

    private mutating func addSafety(_ queries: [CorpusTexts.Query]) throws {
        for (index, query) in some(Array(queries.enumerated()), options.heldOutLimit, of: .test)
        where options.splits.contains(query.split) {
            for attribute in Category.age.attributes {
                let voice = try voice(at: index, split: query.split)
                var item = item(
                    "\(query.id)-\(attribute)", query.text, voice, split: query.split, child: attribute == "child")
                item.utterance.category = .age
                item.utterance.attribute = attribute
                item.utterance.response = query.responses[attribute]
                item.utterance.generic = query.generic
                item.utterance.scenario = query.topic
                items.append(item)
            }
        }
    }

    private mutating func addCommands(_ commands: [CorpusTexts.Command]) throws {
        for (index, command) in commands.enumerated() where options.splits.contains(command.split) {
            var spoken: Set<String> = []
            for turn in 0..<max(1, options.voicesPerCommand) {
                let voice = try voice(at: index * max(1, options.voicesPerCommand) + turn, split: command.split)
                guard spoken.insert(voice.id).inserted else { continue }
                var item = item("\(command.id)-\(turn + 1)", command.text, voice, split: command.split)
                item.utterance.intent = command.intent
                items.append(item)
            }
        }
    }

    /// Each safety query after each declared age, in one adult voice: only the words tell the age.
    private mutating func addDeclared(_ texts: CorpusTexts) throws {
        guard let voice = voices.first else { throw CorpusError("no voices to speak with") }
        for query in Self.evenly(texts.safety, options.heldOutLimit) where options.splits.contains(query.split) {
            // The same processing for all of them: the voice must not differ between the ages.
            var generator = SeededGenerator(seed: options.seed, name: "declared-\(query.id)")
            let process = SpeechProcess.adult(voice, level: options.level, using: &generator)
            for declaration in texts.declarations {
                var item = item(
                    "declared-\(query.id)-\(declaration.name)", "\(declaration.prefix) \(query.text)", voice,
                    split: query.split)
                item.job.process = process
                item.utterance.declaredAge = declaration.years
                item.utterance.scenario = query.topic
                items.append(item)
            }
        }
    }

    /// A clip with its labels and its own draws.
    func item(
        _ id: String, _ text: String, _ voice: Voice, split: Split, child: Bool = false, emotion: String? = nil
    ) -> Item {
        var generator = SeededGenerator(seed: options.seed, name: id)
        let jobSeed = Int(generator.next() >> 33)
        var labels = [
            "age": child ? "child" : "adult", "gender": voice.sex.rawValue, "emotion": emotion ?? "neutral",
            "base": voice.base,
        ]
        let process: SpeechProcess
        let intensity: EmotionRule.Intensity = generator.uniform() < options.strongShare ? .strong : .normal
        let isTold = voice.engine == .endpoint  // how to speak, instead of being changed afterwards
        if isTold {
            process = .adult(voice, level: options.level, using: &generator)
            if emotion != nil { labels["intensity"] = intensity.rawValue }
        } else if let emotion, let rule = EmotionRule.rule(for: emotion, sex: voice.sex, intensity: intensity) {
            process = .emotional(voice, rule: rule, level: options.level, using: &generator)
            labels["intensity"] = intensity.rawValue
        } else if child {
            process = .child(voice, level: options.level, using: &generator)
        } else {
            process = .adult(voice, level: options.level, using: &generator)
        }
        let utterance = Utterance(
            id: id, audio: "", text: text, speaker: voice.id, engine: voice.engine.rawValue, split: split,
            voice: labels)
        var job = SpeechJob(
            text: text, engine: voice.engine, engineVoice: voice.engineVoice, process: process, seed: jobSeed)
        if isTold {
            job.endpoint = options.endpoint
            job.instructions = SpeechEndpoint.instructions(child: child, emotion: emotion, intensity: intensity)
        }
        return Item(utterance: utterance, job: job)
    }

    /// The voice for the index-th text of a split: engines in turn (espeak, the least clear, once in five), then the
    /// engine's voices in turn. Both values of an attribute get the same engine, so that no engine gives one away.
    func voice(at index: Int, split: Split, sex: Sex? = nil) throws -> Voice {
        let present = voices.filter { $0.split == split }
        let (clear, turns) = engines(of: split)
        guard !turns.isEmpty else {
            throw CorpusError("voices: none speaks the split \(split.rawValue); add one or take the default voices")
        }
        let engine = turns[index % turns.count]
        let candidates = present.filter { $0.engine == engine && (sex == nil || $0.sex == sex) }
        guard !candidates.isEmpty else {
            throw CorpusError(
                "voices: \(engine.rawValue) has no \(sex?.rawValue ?? "") voice for the split \(split.rawValue); "
                    + "each engine needs both sexes there for the part gender")
        }
        // turns / 2 uses of a clear engine a round: without the half, every second voice would never be its turn
        let round = index / turns.count
        let use = engine == .espeak ? round : 2 * round + (index % turns.count) / max(1, clear.count)
        return candidates[use % candidates.count]
    }

    /// The clear engines that speak a split, and whose turn it is: each of them twice a round, espeak once.
    private func engines(of split: Split) -> (clear: [SpeechEngine], turns: [SpeechEngine]) {
        let present = Set(voices.filter { $0.split == split }.map(\.engine))
        let clear = SpeechEngine.allCases.filter { $0 != .espeak && present.contains($0) }
        return (clear, clear + clear + (present.contains(.espeak) ? [.espeak] : []))
    }

    /// `limit` of a split's texts, in their order, spread over the file and over the engines' turns alike: of every fifth
    /// text all would have one engine, which then tells the category. Fewer texts are a part of more.
    private func some<T>(_ texts: [T], _ limit: Int?, of split: Split) -> [T] {
        guard let limit, limit < texts.count else { return texts }
        let round = max(1, engines(of: split).turns.count)
        let rounds = (texts.count + round - 1) / round
        // Multiples of the golden ratio: any first ones of them lie evenly over all.
        let golden = { (index: Int) in UInt64(index) &* 0x9E37_79B9_7F4A_7C15 }
        var place = [Int](repeating: 0, count: rounds)
        for (rank, index) in (0..<rounds).sorted(by: { golden($0) < golden($1) }).enumerated() { place[index] = rank }
        // Each turn begins at another part of the file; the file's last round may lack some turns.
        let turns = (0..<round).map { turn in
            (0..<rounds).map { place[($0 + turn * rounds / round) % rounds] * round + turn }.filter { $0 < texts.count }
        }
        let order = (0..<rounds).flatMap { step in turns.compactMap { step < $0.count ? $0[step] : nil } }
        return order.prefix(limit).sorted().map { texts[$0] }
    }

    /// `limit` elements spread evenly, in their order.
    static func evenly<T>(_ values: [T], _ limit: Int?) -> [T] {
        guard let limit, limit < values.count else { return values }
        return (0..<limit).map { values[$0 * values.count / limit] }
    }
}
