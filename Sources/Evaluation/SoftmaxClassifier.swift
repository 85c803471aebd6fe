import Foundation

/// Multinomial logistic regression on sparse vectors, classes weighted alike, trained by accelerated full-batch descent:
/// no randomness, the same weights from the same documents.
struct SoftmaxClassifier: Sendable {
    let classes: Int
    private var weights: [Double]  // [terms][classes]
    private var bias: [Double]  // [classes]

    /// - Parameter penalty: of the squared weights, beside the mean loss.
    init(_ documents: [(vector: SparseVector, label: Int)], terms: Int, classes: Int, penalty: Double) {
        self.classes = classes
        weights = [Double](repeating: 0, count: terms * classes)
        bias = [Double](repeating: 0, count: classes)
        var counts = [Double](repeating: 0, count: classes)
        for document in documents { counts[document.label] += 1 }
        let present = Double(counts.filter { $0 > 0 }.count)
        guard present > 0 else { return }

        // Vectors have length 1 and the bias adds 1: the loss is smooth with constant 1/2 * 2, the penalty adds its own.
        // Class weights can lift one document above the mean; the whole stays an average.
        let step = 1 / (1 + penalty)
        var previous = (weights, bias)
        var momentum = 1.0
        for _ in 0..<Self.iterations {
            let next = (1 + (1 + 4 * momentum * momentum).squareRoot()) / 2
            let push = (momentum - 1) / next
            momentum = next
            var ahead = (weights, bias)
            for index in weights.indices { ahead.0[index] += push * (weights[index] - previous.0[index]) }
            for index in bias.indices { ahead.1[index] += push * (bias[index] - previous.1[index]) }
            previous = (weights, bias)

            var slope = ahead.0.map { $0 * penalty }
            var biasSlope = [Double](repeating: 0, count: classes)
            for document in documents {
                let share = 1 / (present * counts[document.label])
                var error = Self.softmax(Self.scores(document.vector, ahead.0, ahead.1))
                error[document.label] -= 1
                for (term, weight) in zip(document.vector.terms, document.vector.weights) {
                    for label in 0..<classes { slope[term * classes + label] += share * weight * error[label] }
                }
                for label in 0..<classes { biasSlope[label] += share * error[label] }
            }
            for index in weights.indices { weights[index] = ahead.0[index] - step * slope[index] }
            for index in bias.indices { bias[index] = ahead.1[index] - step * biasSlope[index] }
        }
    }

    /// Unnormalised log probabilities of the classes.
    func scores(_ vector: SparseVector) -> [Double] { Self.scores(vector, weights, bias) }

    static func softmax(_ scores: [Double]) -> [Double] {
        let top = scores.max() ?? 0
        let powers = scores.map { exp($0 - top) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }

    private static let iterations = 150

    private static func scores(_ vector: SparseVector, _ weights: [Double], _ bias: [Double]) -> [Double] {
        var scores = bias
        for (term, weight) in zip(vector.terms, vector.weights) {
            for label in scores.indices { scores[label] += weight * weights[term * scores.count + label] }
        }
        return scores
    }
}
