import Checkpoints
import MLX
import MLXNN

/// Shape of a Whisper decoder; names as in HF's config.json.
public struct WhisperDecoderConfig: Sendable, Equatable {
    public var width: Int, layers: Int, heads: Int, feedForward: Int, positions: Int, vocabularySize: Int

    /// The config.json of a Whisper folder.
    public init(_ config: JSONObject) throws {
        width = try config.int("d_model", in: 8...8192)
        layers = try config.int("decoder_layers", in: 1...128)
        heads = try config.int("decoder_attention_heads", in: 1...128)
        feedForward = try config.int("decoder_ffn_dim", in: 8...65_536)
        positions = try config.int("max_target_positions", in: 4...100_000)
        vocabularySize = try config.int("vocab_size", in: 8...10_000_000)
        guard width % heads == 0 else {
            throw ModelError("\(config.place): d_model \(width) is not a multiple of decoder_attention_heads \(heads)")
        }
    }
}

/// What a decoder hears: the keys and values of every layer's attention to the encoder, made once a batch.
public struct WhisperMemory {
    /// A layer's, [B, rows, heads, width / heads].
    var keys: [MLXArray], values: [MLXArray]
    /// [B]: the rows of each clip; the rest is padding.
    var rows: MLXArray

    var arrays: [MLXArray] { keys + values + [rows] }

    /// The named clips, in that order.
    func kept(_ clips: MLXArray) -> WhisperMemory {
        WhisperMemory(keys: keys.map { $0.take(clips) }, values: values.map { $0.take(clips) }, rows: rows.take(clips))
    }
}

final class WhisperDecoderLayer: Module {
    @ModuleInfo(key: "self_attn") var attention: WhisperAttention
    @ModuleInfo(key: "self_attn_layer_norm") var attentionNorm: LayerNorm
    @ModuleInfo(key: "encoder_attn") var hearing: WhisperAttention
    @ModuleInfo(key: "encoder_attn_layer_norm") var hearingNorm: LayerNorm
    @ModuleInfo var fc1: Linear
    @ModuleInfo var fc2: Linear
    @ModuleInfo(key: "final_layer_norm") var finalNorm: LayerNorm

    init(_ c: WhisperDecoderConfig) {
        _attention.wrappedValue = WhisperAttention(width: c.width, heads: c.heads)
        _attentionNorm.wrappedValue = LayerNorm(c.width)
        _hearing.wrappedValue = WhisperAttention(width: c.width, heads: c.heads)
        _hearingNorm.wrappedValue = LayerNorm(c.width)
        fc1 = Linear(c.width, c.feedForward)
        fc2 = Linear(c.feedForward, c.width)
        _finalNorm.wrappedValue = LayerNorm(c.width)
    }

    func callAsFunction(_ x: MLXArray, _ memory: WhisperMemory, cache: KVCache, layer: Int) -> MLXArray {
        let own = attentionNorm(x), (key, value) = attention.keysAndValues(own)
        let (keys, values) = cache.append(key, value, layer: layer)
        var h = x + attention(own, keys: keys, values: values, causal: true)
        h =
            h
            + hearing(
                hearingNorm(h), keys: memory.keys[layer], values: memory.values[layer], last: memory.rows, causal: false
            )
        return h + fc2(Fused.gelu(fc1(finalNorm(h))))
    }
}

/// HF WhisperDecoder with its output head, which is the embedding table.
public final class WhisperDecoder: Module {
    @ModuleInfo(key: "embed_tokens") var embedTokens: Embedding
    @ModuleInfo(key: "embed_positions") var positions: Embedding
    @ModuleInfo var layers: [WhisperDecoderLayer]
    @ModuleInfo(key: "layer_norm") var norm: LayerNorm
    public let config: WhisperDecoderConfig

    public init(_ c: WhisperDecoderConfig) {
        config = c
        _embedTokens.wrappedValue = Embedding(c.vocabularySize, c.width)
        _positions.wrappedValue = Embedding(c.positions, c.width)
        layers = (0..<c.layers).map { _ in WhisperDecoderLayer(c) }
        _norm.wrappedValue = LayerNorm(c.width)
    }

    /// The encoder's last states of each clip, [rows, width], of which there must be one at least.
    public func memory(of clips: [MLXArray]) -> WhisperMemory {
        let longest = clips.map { $0.dim(0) }.max() ?? 0
        let states = stacked(clips.map { padded($0, widths: [(0, longest - $0.dim(0)), (0, 0)]) })
        let pairs = layers.map { $0.hearing.keysAndValues(states) }
        return WhisperMemory(
            keys: pairs.map(\.0), values: pairs.map(\.1), rows: MLXArray(clips.map { Int32($0.dim(0)) }))
    }

    /// ids [B, S], the first of them at position `offset`, after what the cache holds -> logits [B, S, vocabulary].
    public func callAsFunction(_ ids: MLXArray, offset: Int, _ memory: WhisperMemory, cache: KVCache) -> MLXArray {
        embedTokens.asLinear(norm(states(ids, offset: offset, memory, cache: cache)))
    }

    /// The same for the last position alone: [B, vocabulary].
    func lastLogits(_ ids: MLXArray, offset: Int, _ memory: WhisperMemory, cache: KVCache) -> MLXArray {
        let x = states(ids, offset: offset, memory, cache: cache), S = x.dim(1)
        return embedTokens.asLinear(norm(x.slice(S - 1..<S, axis: 1).squeezed(axis: 1)))
    }

    private func states(_ ids: MLXArray, offset: Int, _ memory: WhisperMemory, cache: KVCache) -> MLXArray {
        var x = embedTokens(ids) + positions.weight[offset..<offset + ids.dim(1)].asType(.float32)
        for (i, layer) in layers.enumerated() { x = layer(x, memory, cache: cache, layer: i) }
        return x
    }
}
