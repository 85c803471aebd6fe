import Corpora
import MLX

/// 95 % intervals. Accuracies: Wilson's score interval with a group-aware effective number of clips, which stays
/// honest at 0 and 1 where a bootstrap collapses. Means over queries or pairs: percentile bootstrap.
enum Interval {
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
        let bounds = Statistics.wilson(share: p, of: max(effective, 1))
        return (p, bounds.low, bounds.high)
    }

    /// Percentile bootstrap of the mean of cosines or their differences, one a unit; the same draws for each layer of one seed. One unit
    /// says nothing of others: it gets all that there can be.
    ///
    /// - Parameter reach: the values lie in -reach ... reach.
    static func ofMean(
        _ values: [Double], reach: Double, _ options: AnalysisOptions, part: String
    ) -> (low: Double, high: Double) {
        var random = generator(options.seed, "bootstrap." + part)
        let means = (0..<(values.count > 1 ? options.bootstrapDraws : 0)).map { _ in
            mean(values.indices.map { _ in values[random.index(below: values.count)] })
        }.sorted()
        guard let low = Statistics.quantile(sorted: means, 0.025), let high = Statistics.quantile(sorted: means, 0.975)
        else { return (-reach, reach) }
        return (low, high)
    }
}
