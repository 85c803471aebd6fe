import Corpora

/// A judge that works offline, from the corpus's own reference responses.
///
/// Two things speak for a candidate (one of the text's contrasting attributes, or generic): how responses to that
/// attribute are worded, learnt from the train split's references of the category; and how near the response comes to
/// what was written for this very text. The candidate with the larger sum is what the response reflects.
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

        public init(similarityWeight: Double = 8, penalty: Double = 1e-3, minimumDocuments: Int = 2) {
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
                        + "the model was tuned on, or another judge.")
            }
            wording[category] = WordingModel(category: category, texts: training, settings: settings)
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
    let names: [String]
    let vectors: TermVectors
    let classifier: SoftmaxClassifier

    init(category: Category, texts: [JudgedText], settings: ReferenceJudge.Settings) {
        let names = category.attributes + (category == .age ? [] : [Judgement.generic])
        let documents = texts.flatMap { $0.references() }
        let vectors = TermVectors(documents: documents.map(\.response), minimum: settings.minimumDocuments)
        let labelled = documents.compactMap { document in
            names.firstIndex(of: document.reflects).map { (vector: vectors.vector(document.response), label: $0) }
        }
        self.names = names
        self.vectors = vectors
        classifier = SoftmaxClassifier(
            labelled, terms: vectors.count, classes: names.count, penalty: settings.penalty)
    }

    func scores(_ response: String) -> [String: Double] {
        Dictionary(zip(names, classifier.scores(vectors.vector(response))), uniquingKeysWith: { first, _ in first })
    }
}
