import AudioLanguageModels
import MLX

/// The memory that a fine-tuning will need, by shapes alone. What is counted are the arrays that a training step keeps for its
/// gradients, in f32; docs/NOTEBOOK.md compares it with what was needed.
public struct MemoryEstimate: Codable, Sendable, Equatable {
    /// Bytes: the decoder's weights (pages of their files, or quantised); encoder, projector and embedding table; arrays of a
    /// forward pass that the backward pass needs; logits of the answers and their gradient; adapters with gradients and
    /// moments; prompts; and the rest.
    public var decoder: Int, encoder: Int, activations: Int, logits: Int, adapters: Int, prompts: Int, process: Int
    /// With clips that are yet to be heard.
    public var total: Int { training + encoder }
    /// Of the training itself: where the features of all clips are cached, the encoder is never read, and of the embedding
    /// table only the rows of the texts. Its pages are the first to go where memory is short.
    public var training: Int { decoder + activations + logits + adapters + prompts + process }

    /// - Parameters:
    ///   - positions: of the longest example: prompt, audio and answer.
    ///   - answer: of which the answer's.
    ///   - examples: how many there are.
    public init(_ model: ModelShape, config c: FineTuneConfig, positions: Int, answer: Int, examples: Int) {
        let d = model.decoder, float = 4, clips = min(c.batchSize, c.microBatchSize), rows = clips * positions
        let attention = d.heads * d.headDimension, groups = d.keyValueHeads * d.headDimension
        // 4 or 8 bits, and a scale and a bias in f32 for 64 elements.
        let packed = d.layers * ModelShape.linearElements(d) * (c.quantize + 1) / 8
        decoder = c.quantize == 0 ? model.decoderBytes : model.decoderBytes - model.layerBytes + packed
        encoder = model.otherBytes
        // Kept for the gradient of a frozen layer: both norms' inputs; q, k, v and the probabilities; gate and up. An adapted
        // one keeps the inputs of its linear modules besides.
        let probabilities = positions <= Fused.keptAttention ? d.heads * positions : 0
        let frozen = 2 * d.hiddenSize + attention + 2 * groups + probabilities + 2 * d.intermediateSize
        let adapted = frozen + 2 * d.hiddenSize + attention + d.intermediateSize
        let tuned = c.lastLayer - c.firstLayer + 1, above = d.layers - 1 - c.lastLayer
        let step = 4 * d.intermediateSize  // what a product and its neighbours work on
        let kept =
            c.recompute
            ? (tuned + above) * d.hiddenSize + 2 * adapted : tuned * adapted + above * frozen
        activations = float * rows * (kept + step)
        logits = 2 * float * clips * answer * d.vocabularySize
        let ends =
            2 * (d.hiddenSize + attention) + 2 * (d.hiddenSize + groups) + 3 * (d.hiddenSize + d.intermediateSize)
        adapters = 5 * float * tuned * c.rank * ends  // weights, gradients twice, two moments
        prompts = float * examples * positions * d.hiddenSize
        process = 80 << 20
    }
}
