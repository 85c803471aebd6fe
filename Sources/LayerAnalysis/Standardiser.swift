/// Zero mean and unit variance a feature, fitted on the train fold and applied to both.
public struct Standardiser: Sendable {
    public let mean: [Float]
    /// Standard deviation (population); 1 where a feature does not vary.
    public let scale: [Float]

    public init(fitting x: FeatureMatrix) {
        let n = Double(max(x.rows, 1)), d = x.columns
        var sums = [Double](repeating: 0, count: d)
        for i in 0..<x.rows { for j in 0..<d { sums[j] += Double(x.values[i * d + j]) } }
        let means = sums.map { $0 / n }
        var squares = [Double](repeating: 0, count: d)
        for i in 0..<x.rows {
            for j in 0..<d {
                let delta = Double(x.values[i * d + j]) - means[j]
                squares[j] += delta * delta
            }
        }
        mean = means.map { Float($0) }
        scale = zip(squares, means).map { square, mean in
            let deviation = (square / n).squareRoot()
            // What is left of a constant feature is rounding, not a scale.
            return deviation > 1e-7 * abs(mean) && deviation > 0 ? Float(deviation) : 1
        }
    }

    public func apply(_ x: FeatureMatrix) -> FeatureMatrix {
        var out = x
        let d = x.columns
        for i in 0..<x.rows {
            for j in 0..<d { out.values[i * d + j] = (x.values[i * d + j] - mean[j]) / scale[j] }
        }
        return out
    }
}
