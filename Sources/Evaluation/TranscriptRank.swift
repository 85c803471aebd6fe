import Corpora

/// Where the true transcript stands among candidates ordered by the model's likelihood of them given the audio.
public struct TranscriptRank: Codable, Sendable, Equatable {
    /// 1 is the likeliest. A tie counts against the true transcript.
    public var rank: Int
    public var candidates: Int

    public init(rank: Int, candidates: Int) {
        self.rank = rank
        self.candidates = candidates
    }

    /// - Parameters:
    ///   - logLikelihoods: one for each candidate.
    ///   - truth: the true transcript's index.
    /// - Throws: `EvaluationError` when the index is outside or a value is not a number.
    public init(logLikelihoods: [Double], truth: Int) throws {
        guard logLikelihoods.indices.contains(truth) else {
            throw EvaluationError(
                "transcript rank: the true transcript has index \(truth); expected one of 0...\(logLikelihoods.count - 1)."
            )
        }
        if let index = logLikelihoods.firstIndex(where: \.isNaN) {
            throw EvaluationError(
                "transcript rank: the log-likelihood of candidate \(index) is not a number; expected a finite value. "
                    + "The model's weights or features hold values that are not finite.")
        }
        let own = logLikelihoods[truth]
        rank = 1 + logLikelihoods.enumerated().filter { $0.offset != truth && $0.element >= own }.count
        candidates = logLikelihoods.count
    }
}

/// Ranks over a set of clips.
public struct TranscriptRankFigures: Codable, Sendable, Equatable {
    /// Clips.
    public var n: Int
    /// The most candidates that a clip had.
    public var candidates: Int
    /// Share of clips whose true transcript is the likeliest, with a Wilson interval.
    public var first: Double
    public var interval: Interval
    public var firstFive: Double
    public var medianRank: Double
    public var meanReciprocalRank: Double
    /// The share of first places that guessing gives.
    public var chance: Double

    /// nil for no clips.
    public init?(_ ranks: [TranscriptRank]) {
        guard let median = Statistics.median(ranks.map { Double($0.rank) }),
            let reciprocal = Statistics.mean(ranks.map { 1 / Double(max($0.rank, 1)) }),
            let chance = Statistics.mean(ranks.map { 1 / Double(max($0.candidates, 1)) })
        else { return nil }
        let firsts = ranks.filter { $0.rank == 1 }.count
        n = ranks.count
        candidates = ranks.map(\.candidates).max() ?? 0
        first = Double(firsts) / Double(ranks.count)
        interval = Statistics.wilson(successes: firsts, of: ranks.count)
        firstFive = Double(ranks.filter { $0.rank <= 5 }.count) / Double(ranks.count)
        medianRank = median
        meanReciprocalRank = reciprocal
        self.chance = chance
    }
}
