import Corpora

/// How often a classification head is right on clips that it was not trained on.
public struct HeadAccuracy: Codable, Sendable, Equatable {
    public var n: Int
    /// Texts, or speakers, that were drawn together for the interval.
    public var groups: Int
    public var right: Double
    public var interval: Interval
    /// Of guessing each value as often.
    public var chance: Double

    /// - Parameters:
    ///   - right: one a clip; nil for none.
    ///   - groups: the clips' texts, or their speakers.
    ///   - values: that a head chooses from.
    public init?(_ right: [Bool], groups: [String], values: Int) {
        guard let found = Statistics.estimate(right.map { $0 ? 1 : 0 }, groups: groups, range: 0...1) else {
            return nil
        }
        (n, self.groups, self.right, interval) = (found.n, found.groups, found.mean, found.interval)
        chance = 1 / Double(max(values, 1))
    }
}
