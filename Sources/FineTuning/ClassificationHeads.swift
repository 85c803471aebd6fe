import Corpora
import MLX
import MLXNN

/// The auxiliary dual-level classification head (paper section 3.2): one head for the category that the query depends on,
/// and one for the speaker's value in each category. All read the mean over the audio positions of one layer's output.
public final class ClassificationHeads: Module {
    @ModuleInfo var category: Linear
    @ModuleInfo var age: Linear
    @ModuleInfo var gender: Linear
    @ModuleInfo var emotion: Linear

    public init(width: Int, seed: UInt64) {
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

    /// pooled [B, width] -> the sums over the batch of both cross-entropies. A sample goes to the attribute head of its
    /// true category.
    package func losses(_ pooled: MLXArray, _ labels: [(category: Category, attribute: Int)]) -> (
        category: MLXArray, attribute: MLXArray
    ) {
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
    public func read(_ pooled: MLXArray) throws -> (category: [Float], attributes: [Category: [Float]]) {
        let scores = try Fused.softmax(category(pooled)).asArray()
        var values: [Category: [Float]] = [:]
        for c in Category.allCases { values[c] = try Fused.softmax(head(of: c)(pooled)).asArray() }
        return (scores, values)
    }
}
