import MLX
import MLXNN

/// Shape of a Whisper encoder; names as in HF's config.json.
public struct WhisperEncoderConfig: Sendable, Equatable, Codable {
    public var melBins: Int, width: Int, layers: Int, heads: Int, feedForward: Int, positions: Int
    public init(melBins: Int, width: Int, layers: Int, heads: Int, feedForward: Int, positions: Int) {
        self.melBins = melBins
        self.width = width
        self.layers = layers
        self.heads = heads
        self.feedForward = feedForward
        self.positions = positions
    }
}

final class WhisperAttention: Module {
    @ModuleInfo(key: "q_proj") var query: Linear
    @ModuleInfo(key: "k_proj") var key: Linear
    @ModuleInfo(key: "v_proj") var value: Linear
    @ModuleInfo(key: "out_proj") var output: Linear
    let heads: Int
    init(width: Int, heads: Int) {
        self.heads = heads
        _query.wrappedValue = Linear(width, width)
        _key.wrappedValue = Linear(width, width, bias: false)  // Whisper's keys have none
        _value.wrappedValue = Linear(width, width)
        _output.wrappedValue = Linear(width, width)
    }
    /// x [B, T, width] -> [B, T, width]. Every row sees the rows up to the end of its own block of `block` rows (nil: all are
    /// one), of those the first `keys`: the rest is padding.
    ///
    /// The rows of a block see the same keys, so each block is one call without a mask.
    func callAsFunction(_ x: MLXArray, block: Int? = nil, keys: Int? = nil) -> MLXArray {
        let T = x.dim(1), D = x.dim(2) / heads
        let queries = split(query(x)), (allKeys, allValues) = keysAndValues(x)
        let size = max(1, block ?? T)
        let blocks = stride(from: 0, to: T, by: size).map { start in
            let end = min(start + size, T), seen = 0..<min(end, keys ?? T)
            return Fused.attention(
                queries: queries.slice(start..<end, axis: 1), keys: allKeys.slice(seen, axis: 1),
                values: allValues.slice(seen, axis: 1), scale: 1 / Float(D).squareRoot(), causal: false)
        }
        return output(concatenated(blocks, axis: 1).reshaped(x.shape))
    }

    /// The keys and values of x [B, T, width], [B, T, heads, width / heads] each.
    func keysAndValues(_ x: MLXArray) -> (MLXArray, MLXArray) { (split(key(x)), split(value(x))) }

    /// Attention of x [B, S, width] to keys and values made before, of row b the first `last[b]` (nil: all). Causal: the last of x
    /// sees all keys, the one before it all but the last, and so on.
    func callAsFunction(
        _ x: MLXArray, keys: MLXArray, values: MLXArray, last: MLXArray? = nil, causal: Bool
    ) -> MLXArray {
        let y = Fused.attention(
            queries: split(query(x)), keys: keys, values: values, last: last,
            scale: 1 / Float(x.dim(2) / heads).squareRoot(), causal: causal)
        return output(y.reshaped(x.shape))
    }

    private func split(_ y: MLXArray) -> MLXArray { y.reshaped([y.dim(0), y.dim(1), heads, y.dim(2) / heads]) }
}

final class WhisperEncoderLayer: Module {
    @ModuleInfo(key: "self_attn") var attention: WhisperAttention
    @ModuleInfo(key: "self_attn_layer_norm") var attentionNorm: LayerNorm
    @ModuleInfo var fc1: Linear
    @ModuleInfo var fc2: Linear
    @ModuleInfo(key: "final_layer_norm") var finalNorm: LayerNorm
    init(_ c: WhisperEncoderConfig) {
        _attention.wrappedValue = WhisperAttention(width: c.width, heads: c.heads)
        _attentionNorm.wrappedValue = LayerNorm(c.width)
        fc1 = Linear(c.width, c.feedForward)
        fc2 = Linear(c.feedForward, c.width)
        _finalNorm.wrappedValue = LayerNorm(c.width)
    }
    /// `block` and `keys`: see ``WhisperAttention``.
    func callAsFunction(_ x: MLXArray, block: Int? = nil, keys: Int? = nil) -> MLXArray {
        let h = x + attention(attentionNorm(x), block: block, keys: keys)
        return h + fc2(Fused.gelu(fc1(finalNorm(h))))
    }
}

/// HF WhisperEncoder: two convolutions, stored positions, pre-norm blocks, a final layer norm.
public final class WhisperEncoder: Module {
    @ModuleInfo var conv1: Conv1d
    @ModuleInfo var conv2: Conv1d
    @ModuleInfo(key: "embed_positions") var positions: Embedding
    @ModuleInfo var layers: [WhisperEncoderLayer]
    @ModuleInfo(key: "layer_norm") public var norm: LayerNorm
    public let config: WhisperEncoderConfig

    public init(_ c: WhisperEncoderConfig) {
        config = c
        conv1 = Conv1d(c.melBins, c.width, kernel: 3, stride: 1, padding: 1)
        conv2 = Conv1d(c.width, c.width, kernel: 3, stride: 2, padding: 1)
        _positions.wrappedValue = Embedding(c.positions, c.width)
        layers = (0..<c.layers).map { _ in WhisperEncoderLayer(c) }
        _norm.wrappedValue = LayerNorm(c.width)
    }

    /// mel [B, frames, bins], at most 2 x positions frames -> every stage before the final layer norm, [B, rows, width] each:
    /// what the convolutions and positions give, then each block's output.
    ///
    /// - Parameter rows: how many rows count, the rest being padding that no row may hear; nil: all, ceil(frames / 2).
    public func blocks(_ mel: MLXArray, rows: Int? = nil) -> [MLXArray] {
        var x = Fused.gelu(conv2(Fused.gelu(conv1(mel))))
        if let rows, rows < x.dim(1) { x = x.slice(0..<rows, axis: 1) }
        x = x + positions.weight[0..<x.dim(1)].asType(.float32)
        var stages = [x]
        for layer in layers {
            x = layer(x)
            stages.append(x)
        }
        return stages
    }

    /// All rows, with the final layer norm's output as the last stage.
    public func callAsFunction(_ mel: MLXArray) -> [MLXArray] {
        let stages = blocks(mel)
        return stages + [norm(stages[stages.count - 1])]
    }
}
