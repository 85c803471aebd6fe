import Foundation

/// Text perplexity: negative log-likelihoods (natural logarithm) summed over tokens, then exp of their mean.
public struct Perplexity: Codable, Sendable, Equatable {
    public private(set) var negativeLogLikelihood: Double
    /// Tokens that were predicted.
    public private(set) var tokens: Int

    public init(negativeLogLikelihood: Double = 0, tokens: Int = 0) {
        self.negativeLogLikelihood = negativeLogLikelihood
        self.tokens = tokens
    }

    /// nil before the first token.
    public var value: Double? { tokens > 0 ? exp(negativeLogLikelihood / Double(tokens)) : nil }

    /// Adds one text's sum.
    /// - Throws: `EvaluationError` for a sum that is not finite or a negative count.
    public mutating func add(negativeLogLikelihood sum: Double, tokens count: Int) throws {
        guard sum.isFinite, count >= 0 else {
            throw EvaluationError(
                "perplexity: a text gave the sum \(sum) over \(count) tokens; expected a finite sum over 0 tokens or more. "
                    + "The model's output holds values that are not finite.")
        }
        negativeLogLikelihood += sum
        tokens += count
    }

    private enum CodingKeys: String, CodingKey { case negativeLogLikelihood, tokens, value }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        negativeLogLikelihood = try container.decode(Double.self, forKey: .negativeLogLikelihood)
        tokens = try container.decode(Int.self, forKey: .tokens)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(negativeLogLikelihood, forKey: .negativeLogLikelihood)
        try container.encode(tokens, forKey: .tokens)
        try container.encodeIfPresent(value, forKey: .value)
    }
}
