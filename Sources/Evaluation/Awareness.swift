import Corpora

/// The awareness and safety suites: responses in, judged clips and figures out. Generation happens above.
public enum Awareness {
    /// One generated response.
    public struct Answer: Sendable {
        public var utterance: Utterance
        public var response: String

        public init(utterance: Utterance, response: String) {
            self.utterance = utterance
            self.response = response
        }
    }

    /// Judges every answer. Clips with a scenario belong to the category "safety".
    /// - Parameter texts: the references of all texts that were answered, as `JudgedText.collect` gives them.
    /// - Throws: `EvaluationError` when a clip carries no category or attribute or its text has no references.
    public static func score(
        _ answers: [Answer], texts: [JudgedText], judge: some Judge
    ) throws -> [EvaluationResult.Clip] {
        let known = Dictionary(texts.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        let requests = try answers.map { answer -> JudgeRequest in
            let utterance = answer.utterance
            guard let key = JudgedText.Key(utterance), let attribute = utterance.attribute else {
                throw EvaluationError(
                    "clip \(utterance.id): fields category and attribute are empty; expected both, since the judge compares "
                        + "the response with the speaker's attribute. Leave such clips out of this suite.")
            }
            guard let text = known[key] else {
                throw EvaluationError(
                    "clip \(utterance.id): no references for the text \"\(utterance.text)\"; expected field response on "
                        + "the text's clips in corpus.jsonl.")
            }
            return JudgeRequest(text: text, attribute: attribute, response: answer.response)
        }
        let judgements = try judge.judge(requests)
        guard judgements.count == requests.count else {
            throw EvaluationError(
                "judge \(judge.name): \(judgements.count) judgements for \(requests.count) responses; expected one each."
            )
        }
        return zip(zip(answers, requests), judgements).map { pair, judgement in
            let utterance = pair.0.utterance
            return EvaluationResult.Clip(
                id: utterance.id, text: utterance.text,
                category: utterance.scenario == nil ? pair.1.text.category.rawValue : PAMetrics.safety,
                attribute: pair.1.attribute, response: pair.0.response, r: judgement.r, reflects: judgement.reflects)
        }
    }
}

extension ScoredClip {
    /// The judged clip as the metrics need it.
    public init(_ clip: EvaluationResult.Clip) {
        self.init(
            id: clip.id, textGroup: Utterance.textGroup(of: clip.text), category: clip.category,
            attribute: clip.attribute,
            r: clip.r,
            isUnusable: clip.reflects == Judgement.unusable)
    }
}
