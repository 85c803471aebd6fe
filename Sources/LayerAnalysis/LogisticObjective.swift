import Foundation

/// Mean log loss + penalty / 2 |W|^2 and its gradient. Parameters: [r + 1, stride], the last row the intercepts.
///
/// The two matrix products are single precision, sums over rows and the penalty double: the gradient is good to about 1e-7.
struct LogisticObjective {
    let x: FeatureMatrix
    let xT: FeatureMatrix
    let labels: [Int]
    let outputs: Int
    let stride: Int
    let penalty: Double
    private var weights: [Float]
    private var logits: [Float]
    private var slopes: [Float]

    init(x: FeatureMatrix, xT: FeatureMatrix, labels: [Int], outputs: Int, stride: Int, penalty: Double) {
        self.x = x
        self.xT = xT
        self.labels = labels
        self.outputs = outputs
        self.stride = stride
        self.penalty = penalty
        weights = [Float](repeating: 0, count: x.columns * stride)
        logits = [Float](repeating: 0, count: x.rows * stride)
        slopes = [Float](repeating: 0, count: x.columns * stride)
    }

    mutating func evaluate(_ parameters: [Double], _ gradient: inout [Double]) -> Double {
        let n = x.rows, r = x.columns
        let inside = r * stride
        for i in 0..<inside { weights[i] = Float(parameters[i]) }
        MatrixProducts.multiply(x.values, weights, into: &logits, m: n, q: r, k: stride)
        let intercepts = (0..<outputs).map { parameters[inside + $0] }
        for i in gradient.indices { gradient[i] = 0 }
        let share = 1 / Double(n)
        let loss =
            outputs == 1
            ? binomial(intercepts[0], share, &gradient[inside]) : multinomial(intercepts, share, &gradient, inside)
        MatrixProducts.multiply(xT.values, logits, into: &slopes, m: r, q: n, k: stride)
        var square = 0.0
        for i in 0..<inside {
            square += parameters[i] * parameters[i]
            gradient[i] = Double(slopes[i]) + penalty * parameters[i]
        }
        return loss + 0.5 * penalty * square
    }

    /// Turns the logits into d loss / d logit in place; returns the mean loss.
    private mutating func binomial(_ intercept: Double, _ share: Double, _ interceptSlope: inout Double) -> Double {
        var loss = 0.0
        for i in 0..<x.rows {
            let z = Double(logits[i]) + intercept
            let y = Double(labels[i])
            // log(1 + e^z) - y z without overflow.
            loss += max(z, 0) + log1p(exp(-abs(z))) - y * z
            let slope = (1 / (1 + exp(-z)) - y) * share
            interceptSlope += slope
            logits[i] = Float(slope)
        }
        return loss * share
    }

    private mutating func multinomial(
        _ intercepts: [Double], _ share: Double, _ gradient: inout [Double], _ inside: Int
    ) -> Double {
        var loss = 0.0
        var e = [Double](repeating: 0, count: outputs)
        for i in 0..<x.rows {
            let row = i * stride
            var top = -Double.infinity
            for o in 0..<outputs {
                e[o] = Double(logits[row + o]) + intercepts[o]
                top = max(top, e[o])
            }
            let own = e[labels[i]]
            var sum = 0.0
            for o in 0..<outputs {
                e[o] = exp(e[o] - top)
                sum += e[o]
            }
            loss += top + log(sum) - own
            for o in 0..<outputs {
                let slope = (e[o] / sum - (o == labels[i] ? 1 : 0)) * share
                gradient[inside + o] += slope
                logits[row + o] = Float(slope)
            }
        }
        return loss * share
    }
}
