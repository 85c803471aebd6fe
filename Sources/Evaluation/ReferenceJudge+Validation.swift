import Corpora

/// How often the reference judge is right, measured on references that it did not learn from.
public struct JudgeValidation: Codable, Sendable, Equatable {
    public struct Figures: Codable, Sendable, Equatable {
        /// Texts and references measured.
        public var texts: Int
        /// Share of attribute references recognised by their wording alone, their own text's references hidden.
        public var references: Estimate
        /// Share of generic answers found generic, in the same way (for age: found adult). nil without generic answers.
        public var generic: Estimate?
        /// Share of half references recognised by the whole judge, which sees the other halves.
        public var halves: Estimate?
        /// Truth -> what the judge said -> count, for whole references by wording alone.
        public var confusion: [String: [String: Int]]

        public init(
            texts: Int, references: Estimate, generic: Estimate? = nil, halves: Estimate? = nil,
            confusion: [String: [String: Int]] = [:]
        ) {
            self.texts = texts
            self.references = references
            self.generic = generic
            self.halves = halves
            self.confusion = confusion
        }
    }

    /// Category -> figures; safety texts under "safety".
    public var categories: [String: Figures]
    public var settings: ReferenceJudge.Settings

    public init(categories: [String: Figures], settings: ReferenceJudge.Settings = .init()) {
        self.categories = categories
        self.settings = settings
    }

    /// Lines to print: each figure with its N and interval, then the confusion tables.
    public var lines: [String] {
        categories.sorted { $0.key < $1.key }.flatMap { name, figures -> [String] in
            var lines = ["judge, \(name): \(figures.texts) held-out texts"]
            lines.append("  references by wording alone: " + Self.show(figures.references))
            if let generic = figures.generic {
                lines.append(
                    "  generic answers found \(name == "age" || name == "safety" ? "adult" : "generic"): "
                        + Self.show(generic))
            }
            if let halves = figures.halves { lines.append("  half references, whole judge: " + Self.show(halves)) }
            for (truth, row) in figures.confusion.sorted(by: { $0.key < $1.key }) {
                let cells = row.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                lines.append("  \(truth) -> " + cells.joined(separator: ", "))
            }
            return lines
        }
    }

    private static func show(_ estimate: Estimate) -> String {
        func percent(_ value: Double) -> String { String((value * 1000).rounded() / 10) + " %" }
        return percent(estimate.mean) + " [\(percent(estimate.interval.low)), \(percent(estimate.interval.high))], "
            + "N = \(estimate.n) of \(estimate.groups) texts"
    }
}

extension ReferenceJudge {
    /// Measures the judge on texts that it did not learn from: those of the train split are passed over.
    ///
    /// A reference is trivially nearest to itself, so it is judged twice in honest ways: by its wording alone, and cut in
    /// two, each half by the whole judge that sees only the other halves of all candidates.
    /// - Throws: `EvaluationError` when no held-out text is given.
    public func validate(on texts: [JudgedText]) throws -> JudgeValidation {
        let held = texts.filter { $0.split != .train }
        guard !held.isEmpty else {
            throw EvaluationError(
                "judge validation: none of the \(texts.count) texts is in the validation or test split; expected held-out "
                    + "texts, since a judge is not measured on what it learnt from. Give the whole corpus.")
        }
        var categories: [String: JudgeValidation.Figures] = [:]
        for (name, group) in Dictionary(grouping: held, by: { $0.scenario == nil ? $0.category.rawValue : "safety" }) {
            categories[name] = figures(group)
        }
        return JudgeValidation(categories: categories.compactMapValues { $0 }, settings: settings)
    }

    private func figures(_ texts: [JudgedText]) -> JudgeValidation.Figures? {
        var confusion: [String: [String: Int]] = [:]
        var references = Tally()
        var generic = Tally()
        var halves = Tally()
        for text in texts {
            for attribute in text.category.attributes {
                guard let reference = text.responses[attribute] else { continue }
                let request = JudgeRequest(text: text, attribute: attribute, response: reference)
                let said = judge(request, similarity: false).reflects
                confusion[attribute, default: [:]][said, default: 0] += 1
                references.add(said == attribute, text)
            }
            if let answer = text.generic {
                let attribute = text.category.attributes.first { text.responses[$0] != nil } ?? ""
                let said = judge(JudgeRequest(text: text, attribute: attribute, response: answer), similarity: false)
                    .reflects
                confusion[Judgement.generic, default: [:]][said, default: 0] += 1
                generic.add(said == (text.category == .age ? "adult" : Judgement.generic), text)
            }
            for (shown, hidden) in Self.halved(text) {
                for (name, response) in hidden.references() {
                    let request = JudgeRequest(text: shown, attribute: name, response: response)
                    halves.add(judge(request, similarity: true).reflects == name, text)
                }
            }
        }
        guard let estimate = references.estimate else { return nil }
        return JudgeValidation.Figures(
            texts: texts.count, references: estimate, generic: generic.estimate, halves: halves.estimate,
            confusion: confusion)
    }

    /// The text with the first halves of all its references and with the second halves, and the other way round.
    private static func halved(_ text: JudgedText) -> [(shown: JudgedText, hidden: JudgedText)] {
        var first = text
        var second = text
        first.responses = text.responses.mapValues { half($0, first: true) }
        first.generic = text.generic.map { half($0, first: true) }
        second.responses = text.responses.mapValues { half($0, first: false) }
        second.generic = text.generic.map { half($0, first: false) }
        return [(first, second), (second, first)]
    }

    private static func half(_ response: String, first: Bool) -> String {
        let words = response.split(separator: " ")
        return (first ? words.prefix(words.count / 2) : words.suffix(words.count - words.count / 2))
            .joined(separator: " ")
    }
}

/// Right and wrong, with the text that each belongs to.
private struct Tally {
    private var values: [Double] = []
    private var groups: [String] = []

    mutating func add(_ right: Bool, _ text: JudgedText) {
        values.append(right ? 1 : 0)
        groups.append(text.key.textGroup)
    }

    var estimate: Estimate? { Statistics.estimate(values, groups: groups, range: 0...1) }
}
