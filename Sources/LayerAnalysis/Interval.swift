import MLX

/// 95 % intervals. Accuracies: Wilson's score interval with a group-aware effective number of clips, which stays
/// honest at 0 and 1 where a bootstrap collapses. Means over queries or pairs: percentile bootstrap.
enum Interval {
    static let z = 1.959963984540054

    static func wilson(share p: Double, n: Double) -> (low: Double, high: Double) {
        guard n > 0 else { return (0, 1) }
        let z2 = z * z
        let centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        let half = z / (1 + z2 / n) * (p * (1 - p) / n + z2 / (4 * n * n)).squareRoot()
        return (max(0, centre - half), min(1, centre + half))
    }

    /// - Parameters correct, tested: per clip, how often it was right and how often it was tested.
    static func clustered(correct: [Double], tested: [Double], groups: [Int]) -> (
        value: Double, low: Double, high: Double
    ) {
        var sums: [Int: (right: Double, all: Double)] = [:]
        var clips = 0.0
        for (i, g) in groups.enumerated() where tested[i] > 0 {
            sums[g, default: (0, 0)].right += correct[i]
            sums[g, default: (0, 0)].all += tested[i]
            clips += 1
        }
        let ordered = sums.keys.sorted().compactMap { sums[$0] }
        let all = ordered.reduce(0) { $0 + $1.all }
        guard all > 0 else { return (0, 0, 1) }
        let p = ordered.reduce(0) { $0 + $1.right } / all
        let count = Double(ordered.count)
        // Variance of a ratio mean with whole groups as units (Kish); n_eff = p (1 - p) / variance.
        var effective = count
        if count > 1, p > 0, p < 1 {
            let squares = ordered.reduce(0) { $0 + ($1.right - p * $1.all) * ($1.right - p * $1.all) }
            let variance = squares / (all * all) * count / (count - 1)
            effective = variance > 0 ? min(p * (1 - p) / variance, clips) : clips
        }
        let bounds = wilson(share: p, n: max(effective, 1))
        return (p, bounds.low, bounds.high)
    }

    /// Percentile bootstrap of a statistic over `count` units; the same draws for each statistic of one seed.
    static func bootstrap(
        units count: Int, draws: Int, seed: UInt64, part: String, _ statistic: ([Int]) -> Double?
    ) -> (low: Double, high: Double)? {
        guard count > 1 else { return nil }
        var random = generator(seed, "bootstrap." + part)
        var values: [Double] = []
        for _ in 0..<draws {
            if let value = statistic((0..<count).map { _ in random.index(below: count) }) { values.append(value) }
        }
        guard !values.isEmpty else { return nil }
        values.sort()
        func quantile(_ q: Double) -> Double {
            let at = q * Double(values.count - 1)
            let i = Int(at)
            return values[i] + (at - Double(i)) * (values[min(i + 1, values.count - 1)] - values[i])
        }
        return (quantile(0.025), quantile(0.975))
    }
}
