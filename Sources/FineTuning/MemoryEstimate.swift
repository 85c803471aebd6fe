import AudioLanguageModels

/// The memory that a fine-tuning will need, by shapes alone. What is counted are the arrays that a training step keeps for its
/// gradients, in f32; docs/NOTEBOOK.md compares it with what was needed. An upper bound: all weights are counted, of which a run on
/// cached features leaves encoder and most of the embedding table unread.
public struct MemoryEstimate: Codable, Sendable, Equatable {
    /// Bytes: weights (pages of their files, or quantised), arrays of a forward pass that the backward pass needs, logits of the
    /// answers and their gradient, adapters with gradients and moments, prompts, and the rest.
    public var weights: Int, activations: Int, logits: Int, adapters: Int, prompts: Int, process: Int
    public var total: Int { weights + activations + logits + adapters + prompts + process }

    /// - Parameters:
    ///   - positions: of the longest example: prompt, audio and answer.
    ///   - answer: of which the answer's.
    ///   - examples: how many there are.
    public init(_ model: ModelShape, config c: FineTuneConfig, positions: Int, answer: Int, examples: Int) {
        let d = model.decoder, float = 4, rows = c.microBatchSize * positions
        let attention = d.heads * d.headDimension, groups = d.keyValueHeads * d.headDimension
        // 4 or 8 bits, and a scale and a bias in f32 for 64 elements.
        let packed = model.layerBytes == 0 ? 0 : d.layers * ModelShape.linearElements(d) * (c.quantize + 1) / 8
        weights = c.quantize == 0 ? model.weightBytes : model.weightBytes - model.layerBytes + packed
        // Kept for the gradient of a frozen layer: both norms' inputs; q, k, v and the probabilities; gate and up. An adapted
        // one keeps the inputs of its linear modules besides.
        let frozen = 2 * d.hiddenSize + attention + 2 * groups + d.heads * positions + 2 * d.intermediateSize
        let adapted = frozen + 2 * d.hiddenSize + attention + d.intermediateSize
        let tuned = c.lastLayer - c.firstLayer + 1, above = d.layers - 1 - c.lastLayer
        let step = 4 * d.intermediateSize  // what a product and its neighbours work on
        let kept =
            c.recompute
            ? (tuned + above) * d.hiddenSize + 2 * adapted : tuned * adapted + above * frozen
        activations = float * rows * (kept + step)
        logits = 2 * float * c.microBatchSize * answer * d.vocabularySize
        let ends =
            2 * (d.hiddenSize + attention) + 2 * (d.hiddenSize + groups) + 3 * (d.hiddenSize + d.intermediateSize)
        adapters = 5 * float * tuned * c.rank * ends  // weights, gradients twice, two moments
        prompts = float * examples * positions * d.hiddenSize
        process = 80 << 20
    }
}
