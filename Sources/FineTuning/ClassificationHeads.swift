import Corpora
import MLX
import MLXNN

/// The auxiliary dual-level classification head (paper section 3.2): one head for the category that the query depends on,
/// and one for the speaker's value in each category. All read the mean over the audio positions of one layer's output,
/// brought to a root mean square of 1: hidden states grow with depth (SmolLM2's to fifty times the embeddings' length), and
/// heads on them as they are make the gradient some twenty times that of the response, which clipping then takes away.
public final class ClassificationHeads: Module {
    @ModuleInfo var category: Linear
    @ModuleInfo var age: Linear
    @ModuleInfo var gender: Linear
    @ModuleInfo var emotion: Linear

    private let unit: MLXArray

    public init(width: Int, seed: UInt64) {
        unit = .ones([width])
        category = Linear(width, Category.allCases.count, seed: seed &+ 11)
        age = Linear(width, Category.age.attributes.count, seed: seed &+ 12)
        gender = Linear(width, Category.gender.attributes.count, seed: seed &+ 13)
        emotion = Linear(width, Category.emotion.attributes.count, seed: seed &+ 14)
    }

    public func head(of category: Category) -> Linear {
        switch category {
        case .age: age
        case .gender: gender
        case .emotion: emotion
        }
    }

    private func normalised(_ states: MLXArray) -> MLXArray { Fused.rmsNorm(states, weight: unit, eps: 1e-6) }

    /// Pooled states [B, width] -> the sums over the batch of both cross-entropies. A sample goes to the attribute head of its
    /// true category.
    package func losses(_ states: MLXArray, _ labels: [(category: Category, attribute: Int)]) -> (
        category: MLXArray, attribute: MLXArray
    ) {
        let pooled = normalised(states)
        let which = labels.map { Int32(Category.allCases.firstIndex(of: $0.category) ?? 0) }
        let first = Fused.crossEntropy(logits: category(pooled), labels: MLXArray(which)).sum()
        var second = MLXArray(0)
        for c in Category.allCases {
            // A negative label counts for nothing: every head sees the whole batch and learns from its own samples.
            let own = labels.map { $0.category == c ? Int32($0.attribute) : -100 }
            guard own.contains(where: { $0 >= 0 }) else { continue }
            second = second + Fused.crossEntropy(logits: head(of: c)(pooled), labels: MLXArray(own)).sum()
        }
        return (first, second)
    }

    /// Log-probabilities of the category and of each category's values: what the model hears.
    public func read(_ states: MLXArray) throws -> (category: [Float], attributes: [Category: [Float]]) {
        let pooled = normalised(states)
        let scores = try Fused.softmax(category(pooled)).asArray()
        var values: [Category: [Float]] = [:]
        for c in Category.allCases { values[c] = try Fused.softmax(head(of: c)(pooled)).asArray() }
        return (scores, values)
    }
}
