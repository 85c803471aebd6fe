import Foundation
import MLX

/// A 95 % interval, unless the function that made it says otherwise.
public struct Interval: Codable, Sendable, Equatable {
    public var low: Double
    public var high: Double

    public init(low: Double, high: Double) {
        self.low = low
        self.high = high
    }
}

/// A mean with what it rests on.
public struct Estimate: Codable, Sendable, Equatable {
    /// Clips.
    public var n: Int
    /// Groups that were resampled: texts, or speakers.
    public var groups: Int
    public var mean: Double
    public var interval: Interval

    public init(n: Int, groups: Int, mean: Double, interval: Interval) {
        self.n = n
        self.groups = groups
        self.mean = mean
        self.interval = interval
    }
}

/// The statistics that the analyses and the evaluation share. Everything seeded: the same input gives the same figures.
public enum Statistics {
    public static let defaultDraws = 2_000
    public static let defaultSeed: UInt64 = 20_260_311

    /// nil for no values.
    public static func mean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    /// The p-quantile (0...1) of sorted values by linear interpolation, as numpy's default; nil for no values.
    public static func quantile(sorted values: [Double], _ p: Double) -> Double? {
        guard let last = values.last else { return nil }
        let position = min(max(p, 0), 1) * Double(values.count - 1)
        let index = Int(position)
        guard index + 1 < values.count else { return last }
        return values[index] + (values[index + 1] - values[index]) * (position - Double(index))
    }

    public static func median(_ values: [Double]) -> Double? { quantile(sorted: values.sorted(), 0.5) }

    /// Wilson's score interval for a share (E. B. Wilson, 1927); the whole of 0...1 when nothing was counted.
    public static func wilson(successes: Int, of n: Int) -> Interval {
        wilson(share: Double(successes) / Double(max(1, n)), of: Double(n))
    }

    /// - Parameter count: clips, or as many as they are worth where they are not independent.
    public static func wilson(share: Double, of count: Double) -> Interval {
        guard count > 0 else { return Interval(low: 0, high: 1) }
        let z = 1.959_963_984_540_054, share = min(max(share, 0), 1)
        let centre = (share + z * z / (2 * count)) / (1 + z * z / count)
        let half = z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)).squareRoot()
        // At the ends rounding would leave 1e-17 instead of the exact bound.
        return Interval(
            low: share == 0 ? 0 : max(0, centre - half), high: share == 1 ? 1 : min(1, centre + half))
    }

    /// The percentile bootstrap over groups for any statistic: `statistic` gets the drawn group indices (with repeats)
    /// and may return NaN for a draw that it cannot use; such draws are left out. nil when none was usable.
    public static func bootstrap(
        groupCount: Int, draws: Int = defaultDraws, seed: UInt64 = defaultSeed, level: Double = 0.95,
        statistic: ([Int]) -> Double
    ) -> Interval? {
        guard groupCount > 0, draws > 0 else { return nil }
        var generator = SeededGenerator(seed: seed)
        var values: [Double] = []
        values.reserveCapacity(draws)
        var drawn = [Int](repeating: 0, count: groupCount)
        for _ in 0..<draws {
            for index in 0..<groupCount { drawn[index] = generator.index(below: groupCount) }
            let value = statistic(drawn)
            if !value.isNaN { values.append(value) }
        }
        values.sort()
        guard let low = quantile(sorted: values, (1 - level) / 2), let high = quantile(sorted: values, (1 + level) / 2)
        else { return nil }
        return Interval(low: low, high: high)
    }

    /// Mean of the values with a percentile bootstrap over groups, all values of a group drawn together.
    ///
    /// Where every group has the same mean the bootstrap has no width, which a handful of texts does not warrant. There
    /// Wilson bounds the share of groups that may differ (0 seen of G), and those are put at the ends of `range`.
    /// - Parameters:
    ///   - groups: one name for each value.
    ///   - range: what one value can be.
    /// - Returns: nil when there are no values or the two arrays differ in length.
    public static func estimate(
        _ values: [Double], groups: [String], range: ClosedRange<Double>, draws: Int = defaultDraws,
        seed: UInt64 = defaultSeed
    ) -> Estimate? {
        guard !values.isEmpty, values.count == groups.count else { return nil }
        let (sums, counts) = totals(values, groups: groups)
        let mean = values.reduce(0, +) / Double(values.count)
        let means = zip(sums, counts).map { $0 / $1 }
        let interval: Interval
        if let first = means.first, means.allSatisfy({ abs($0 - first) < 1e-12 }) {
            let differing = wilson(successes: 0, of: means.count).high
            interval = Interval(
                low: mean - (mean - range.lowerBound) * differing, high: mean + (range.upperBound - mean) * differing)
        } else {
            guard
                let drawn = bootstrap(
                    groupCount: sums.count, draws: draws, seed: seed,
                    statistic: { indices in
                        var sum = 0.0
                        var count = 0.0
                        for index in indices {
                            sum += sums[index]
                            count += counts[index]
                        }
                        return sum / count
                    })
            else { return nil }
            interval = drawn
        }
        return Estimate(n: values.count, groups: sums.count, mean: mean, interval: interval)
    }

    /// mean(a) - mean(b) over the same clips, with an interval from drawing groups of clips together.
    /// - Returns: the estimate and the share of draws in which the difference is not above zero (a one-sided p value);
    ///   nil when the arrays are empty or differ in length.
    public static func pairedDifference(
        _ a: [Double], _ b: [Double], groups: [String], draws: Int = defaultDraws, seed: UInt64 = defaultSeed
    ) -> (estimate: Estimate, notAbove: Double)? {
        guard !a.isEmpty, a.count == b.count, a.count == groups.count else { return nil }
        let differences = zip(a, b).map { $0 - $1 }
        let (sums, counts) = totals(differences, groups: groups)
        var notAbove = 0
        let interval = bootstrap(groupCount: sums.count, draws: draws, seed: seed) { indices in
            var sum = 0.0
            var count = 0.0
            for index in indices {
                sum += sums[index]
                count += counts[index]
            }
            if sum <= 0 { notAbove += 1 }
            return sum / count
        }
        guard let interval else { return nil }
        let mean = differences.reduce(0, +) / Double(differences.count)
        return (
            Estimate(n: a.count, groups: sums.count, mean: mean, interval: interval),
            Double(notAbove) / Double(draws)
        )
    }

    /// Sum and count per group, in the order of first appearance: a fixed order keeps the draws reproducible.
    private static func totals(_ values: [Double], groups: [String]) -> (sums: [Double], counts: [Double]) {
        var position: [String: Int] = [:]
        var sums: [Double] = []
        var counts: [Double] = []
        for (value, group) in zip(values, groups) {
            if let index = position[group] {
                sums[index] += value
                counts[index] += 1
            } else {
                position[group] = sums.count
                sums.append(value)
                counts.append(1)
            }
        }
        return (sums, counts)
    }
}
