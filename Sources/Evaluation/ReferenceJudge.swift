import Corpora
import Foundation

/// A judge that works offline, from the corpus's own reference responses.
///
/// Two things speak for a candidate (one of the text's contrasting attributes, or generic): how responses to that
/// attribute are worded, learnt from the train split's references of the category; and how near the response comes to
/// what was written for this very text. The candidate with the larger sum is what the response reflects.
///
/// The wording models also see what was written for the other categories, as answers without a sign of the speaker. Without
/// it (a corpus of one category) plain answers of an untouched model are often taken for an attribute's.
///
/// Age has no generic answer (METHOD, section 5): a plain answer is an adult's, so only child and adult are told apart.
/// Unusable responses (`ResponseForm.isUnusable`) get 0 in every category, age included; their share is reported.
public struct ReferenceJudge: Judge {
    /// The defaults were chosen on train and validation texts; `validate(on:)` prints what they give.
    public struct Settings: Codable, Sendable, Equatable {
        /// What a cosine of 1 to a candidate's reference adds to its log probability. The cosine counts squared: a shared
        /// word or two means nothing, a shared sentence much.
        public var similarityWeight: Double
        /// L2 penalty of the wording classifier, beside its mean loss.
        public var penalty: Double
        /// Words and word pairs of fewer train references are not learnt from.
        public var minimumDocuments: Int

        public init(similarityWeight: Double = 4, penalty: Double = 1e-4, minimumDocuments: Int = 2) {
            self.similarityWeight = similarityWeight
            self.penalty = penalty
            self.minimumDocuments = minimumDocuments
        }
    }

    public let settings: Settings
    public var name: String { "reference" }

    private let wording: [Category: WordingModel]
    private let nearness: TermVectors

    /// - Parameter texts: all texts whose references may be used: the wording is learnt from the train split alone, the
    ///   other splits only add to how rare a word is.
    /// - Throws: `EvaluationError` for a category of which `texts` holds no train references.
    public init(texts: [JudgedText], settings: Settings = Settings()) throws {
        self.settings = settings
        nearness = TermVectors(documents: texts.flatMap { $0.references().map(\.response) }, minimum: 1)
        var wording: [Category: WordingModel] = [:]
        for category in Category.allCases {
            let own = texts.filter { $0.category == category }
            guard !own.isEmpty else { continue }
            let training = own.filter { $0.split == .train && $0.scenario == nil }
            guard !training.isEmpty else {
                throw EvaluationError(
                    "reference judge: the texts hold no train references for \(category.rawValue); expected at least one "
                        + "text with split \"train\" from which to learn how its responses are worded. Use the corpus that "
                        + "the model was tuned on, or name it beside this one (evaluate --judge-corpus).")
            }
            let background = texts.filter { $0.category != category && $0.split == .train }
                .flatMap { $0.references().map(\.response) }
            wording[category] = WordingModel(
                category: category, texts: training, background: background, settings: settings)
        }
        self.wording = wording
    }

    public func judge(_ requests: [JudgeRequest]) throws -> [Judgement] {
        try requests.map { try judge($0) }
    }

    /// - Throws: `EvaluationError` when the text has no references for the speaker's attribute.
    public func judge(_ request: JudgeRequest) throws -> Judgement {
        guard request.text.responses[request.attribute] != nil else {
            throw EvaluationError(
                "reference judge: the text \"\(request.text.text)\" has references for "
                    + "\(request.text.responses.keys.sorted().joined(separator: ", ")), none for \"\(request.attribute)\"; "
                    + "add the response to the corpus or leave the clip out.")
        }
        return judge(request, similarity: true)
    }

    /// - Parameter similarity: false leaves the text's own references out: for measuring the judge on those references.
    func judge(_ request: JudgeRequest, similarity: Bool) -> Judgement {
        let words = ResponseForm.words(request.response)
        guard !ResponseForm.isUnusable(words) else {
            return Judgement(r: 0, reflects: Judgement.unusable, probabilities: [:])
        }
        let learnt = wording[request.text.category]?.scores(request.response) ?? [:]
        let vector = nearness.vector(request.response)
        // A candidate with two references is as near as the nearer one.
        var candidates: [(name: String, near: Double)] = []
        for reference in request.text.references() {
            let near = similarity ? vector.dot(nearness.vector(reference.response)) : 0
            if let index = candidates.firstIndex(where: { $0.name == reference.reflects }) {
                candidates[index].near = max(candidates[index].near, near)
            } else {
                candidates.append((reference.reflects, near))
            }
        }
        let probabilities = SoftmaxClassifier.softmax(
            candidates.map { (learnt[$0.name] ?? 0) + settings.similarityWeight * $0.near * $0.near })
        // Of equals the last: attributes stand in a fixed order behind generic.
        guard let best = probabilities.indices.max(by: { probabilities[$0] <= probabilities[$1] }) else {
            return Judgement(r: 0, reflects: Judgement.generic, probabilities: [:])
        }
        let name = candidates[best].name
        let r = name == Judgement.generic ? 0 : name == request.attribute ? 1 : -1
        return Judgement(
            r: r, reflects: name,
            probabilities: Dictionary(
                zip(candidates.map(\.name), probabilities), uniquingKeysWith: { first, _ in first }))
    }
}

extension JudgedText {
    /// The text's references with what each reflects, in a fixed order. A plain answer is an adult's (METHOD, section 5),
    /// so that for age the generic reference stands for the adult beside the adult's own.
    func references() -> [(reflects: String, response: String)] {
        var references: [(reflects: String, response: String)] = []
        if let generic { references.append((category == .age ? "adult" : Judgement.generic, generic)) }
        for attribute in category.attributes {
            if let response = responses[attribute] { references.append((attribute, response)) }
        }
        return references
    }
}

/// How responses to each attribute value of a category are worded.
private struct WordingModel: Sendable {
    /// The attribute values and generic; behind them one more class for the background.
    let names: [String]
    let vectors: TermVectors
    let classifier: SoftmaxClassifier
    /// What an answer reflects that shows no sign of the speaker: for age a plain answer is an adult's.
    let plain: String

    /// - Parameters:
    ///   - texts: the category's own train texts.
    ///   - background: train references of the other categories. They were written with other things in mind than this
    ///     category's attributes, and keep words that are common everywhere from counting as a sign of one.
    init(category: Category, texts: [JudgedText], background: [String], settings: ReferenceJudge.Settings) {
        let plain = category == .age ? "adult" : Judgement.generic
        let names = category.attributes + (category == .age ? [] : [Judgement.generic])
        let documents = texts.flatMap { $0.references() }
        let vectors = TermVectors(
            documents: documents.map(\.response) + background, minimum: settings.minimumDocuments)
        let own = documents.compactMap { document in
            names.firstIndex(of: document.reflects).map { (vector: vectors.vector(document.response), label: $0) }
        }
        let others = background.map { (vector: vectors.vector($0), label: names.count) }
        self.plain = plain
        self.names = names
        self.vectors = vectors
        classifier = SoftmaxClassifier(
            own + others, terms: vectors.count, classes: names.count + 1, penalty: settings.penalty)
    }

    /// Log probabilities but for a constant; what speaks for the background speaks for the plain answer.
    func scores(_ response: String) -> [String: Double] {
        let scores = classifier.scores(vectors.vector(response))
        var named = Dictionary(zip(names, scores), uniquingKeysWith: { first, _ in first })
        let own = named[plain] ?? 0
        let background = scores.last ?? 0
        let top = max(own, background)
        named[plain] = top + log(exp(own - top) + exp(background - top))
        return named
    }
}
