import Corpora

/// How often a classification head is right on clips that it was not trained on.
public struct HeadAccuracy: Codable, Sendable, Equatable {
    public var n: Int
    public var right: Double
    /// Wilson, over clips.
    public var interval: Interval
    /// Of guessing.
    public var chance: Double

    public init(right: Int, of n: Int, values: Int) {
        self.n = n
        self.right = n > 0 ? Double(right) / Double(n) : 0
        interval = Statistics.wilson(successes: right, of: n)
        chance = 1 / Double(max(values, 1))
    }
}
