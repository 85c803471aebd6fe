import Foundation

/// L2-regularised logistic regression with scikit-learn's objective (1.9.1, solver lbfgs): the mean log loss plus
/// |W|^2 / (2 C n), the intercept free. Two classes: one weight vector and the logistic loss; more: softmax over all.
public struct LogisticRegression: Sendable {
    /// Inverse strength of the regularisation.
    public var c: Double
    /// Largest component of the gradient at which a fit stops (scikit-learn's `tol`).
    public var tolerance: Double
    public var maxIterations: Int

    public init(c: Double = 1, tolerance: Double = 1e-4, maxIterations: Int = 1000) {
        self.c = c
        self.tolerance = tolerance
        self.maxIterations = maxIterations
    }

    /// A fitted classifier.
    public struct Model: Sendable {
        /// [1, d] for two classes, else [classes, d].
        public var coefficients: [[Double]]
        /// [1] for two classes, else [classes].
        public var intercepts: [Double]
        public var classCount: Int
        public var iterations: Int
        public var converged: Bool
    }

    /// The features of one training fold, made ready once and fitted to any number of labellings.
    public struct Design: Sendable {
        let features: FeatureMatrix  // centred
        let mean: [Double]
        let reduction: SpanReduction?
        let x: FeatureMatrix  // [n, r]: the centred features or their coordinates
        let xT: FeatureMatrix  // [r, n]

        public init(_ features: FeatureMatrix) {
            let n = features.rows, d = features.columns
            var mean = [Double](repeating: 0, count: d)
            for i in 0..<n { for j in 0..<d { mean[j] += Double(features.values[i * d + j]) } }
            if n > 0 { for j in 0..<d { mean[j] /= Double(n) } }
            var centred = features
            for i in 0..<n {
                for j in 0..<d { centred.values[i * d + j] = Float(Double(features.values[i * d + j]) - mean[j]) }
            }
            self.features = centred
            self.mean = mean
            reduction = n < d ? SpanReduction(centred) : nil
            x = reduction?.coordinates ?? centred
            xT = x.transposed()
        }
    }

    /// Fits labels 0 ..< classCount.
    /// - Throws: ``LayerAnalysisError`` for labels that do not fit the features or name fewer than two classes.
    public func fit(_ design: Design, labels: [Int], classCount: Int) throws -> Model {
        let n = design.x.rows
        guard labels.count == n else {
            throw LayerAnalysisError("logistic regression: \(labels.count) labels for \(n) rows, expected one a row")
        }
        guard classCount >= 2, Set(labels).count >= 2, labels.allSatisfy({ (0..<classCount).contains($0) }) else {
            throw LayerAnalysisError(
                "logistic regression: found labels \(Set(labels).sorted()), expected at least two classes within 0 ..< \(classCount)"
            )
        }
        guard c > 0, c.isFinite else {
            throw LayerAnalysisError("logistic regression: C is \(c), expected a positive number")
        }
        let outputs = classCount == 2 ? 1 : classCount
        let k = MatrixProducts.padded(outputs)
        let r = design.x.columns
        var problem = LogisticObjective(
            x: design.x, xT: design.xT, labels: labels, outputs: outputs, stride: k, penalty: 1 / (c * Double(n)))
        let solver = LBFGS(maxIterations: maxIterations, tolerance: tolerance)
        let result = solver.minimise(from: [Double](repeating: 0, count: (r + 1) * k)) { problem.evaluate($0, &$1) }

        var coefficients: [[Double]] = []
        var intercepts: [Double] = []
        for o in 0..<outputs {
            let v = (0..<r).map { result.x[$0 * k + o] }
            let w = design.reduction?.expand(v, design.features) ?? v
            coefficients.append(w)
            intercepts.append(result.x[r * k + o] - zip(w, design.mean).reduce(0) { $0 + $1.0 * $1.1 })
        }
        return Model(
            coefficients: coefficients, intercepts: intercepts, classCount: classCount, iterations: result.iterations,
            converged: result.converged)
    }

    /// Fits features and labels in one go.
    public func fit(_ features: FeatureMatrix, labels: [Int], classCount: Int) throws -> Model {
        try fit(Design(features), labels: labels, classCount: classCount)
    }
}

extension LogisticRegression.Model {
    /// Decision values, [rows][1 or classes].
    public func decisions(_ x: FeatureMatrix) -> [[Double]] {
        let outputs = coefficients.count
        let k = MatrixProducts.padded(outputs)
        var weights = [Float](repeating: 0, count: x.columns * k)
        for o in 0..<outputs { for j in 0..<x.columns { weights[j * k + o] = Float(coefficients[o][j]) } }
        var out = [Float](repeating: 0, count: x.rows * k)
        MatrixProducts.multiply(x.values, weights, into: &out, m: x.rows, q: x.columns, k: k)
        return (0..<x.rows).map { i in (0..<outputs).map { Double(out[i * k + $0]) + intercepts[$0] } }
    }

    /// Class probabilities, [rows][classes].
    public func probabilities(_ x: FeatureMatrix) -> [[Double]] {
        decisions(x).map { z in
            if z.count == 1 {
                let p = 1 / (1 + exp(-z[0]))
                return [1 - p, p]
            }
            let top = z.max() ?? 0
            let e = z.map { exp($0 - top) }
            let sum = e.reduce(0, +)
            return e.map { $0 / sum }
        }
    }

    /// The likeliest class of each row; the lower class on a tie.
    public func predictions(_ x: FeatureMatrix) -> [Int] {
        decisions(x).map { z in
            if z.count == 1 { return z[0] > 0 ? 1 : 0 }
            return z.indices.max { z[$0] < z[$1] || (z[$0] == z[$1] && $0 > $1) } ?? 0
        }
    }
}
