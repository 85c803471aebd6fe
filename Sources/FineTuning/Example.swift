import AudioLanguageModels
import Corpora
import MLX

/// One training clip, ready: embeddings of prompt and response are constants, since all below the adapters is frozen.
public struct Example {
    public let id: String
    public let prompt: Prompt
    public let answer: [Int32]
    /// What the classification heads learn: a category, and the index of one of its values; nil: only the answer is learnt.
    public let label: (category: Category, attribute: Int)?
    /// Positions of prompt, audio and answer.
    public var length: Int { prompt.count + answer.count }

    public init(id: String, prompt: Prompt, answer: [Int32], label: (category: Category, attribute: Int)? = nil) {
        self.id = id
        self.prompt = prompt
        self.answer = answer
        self.label = label
    }

    public init(_ utterance: Utterance, features: AudioFeatures, model: any AudioLanguageModel) throws {
        guard let category = utterance.category, let value = utterance.attribute, let response = utterance.response
        else {
            throw FineTuningError("\(utterance.id): expected category, attribute and response to train on")
        }
        guard let attribute = category.attributes.firstIndex(of: value) else {
            throw FineTuningError(
                "\(utterance.id): attribute \(value) is not one of \(category.attributes.joined(separator: ", "))")
        }
        id = utterance.id
        prompt = try model.prompt(hearing: features)
        answer = model.answerTokens(response)
        label = (category, attribute)
    }
}

/// Several examples as one forward pass: right-padded, labels on the response's tokens only.
struct MicroBatch {
    let batch: PromptBatch
    /// Rows of the flattened [B x T] states whose next token is learnt, and those tokens.
    let rows: MLXArray, labels: MLXArray
    let tokens: Int
    let heads: [(category: Category, attribute: Int)]

    init(_ examples: [Example], model: any AudioLanguageModel) {
        batch = PromptBatch(
            examples.map { model.appending(Array($0.answer.dropLast()), to: $0.prompt) }, padding: .right)
        var rows: [Int32] = [], labels: [Int32] = []
        for (b, example) in examples.enumerated() {
            for (j, id) in example.answer.enumerated() {
                rows.append(Int32(b * batch.length + example.prompt.count - 1 + j))
                labels.append(id)
            }
        }
        tokens = labels.count
        self.rows = MLXArray(rows)
        self.labels = MLXArray(labels)
        heads = examples.compactMap(\.label)
    }
}
