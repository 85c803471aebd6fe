import MLX
import MLXNN

/// Shape of a Llama or Qwen2 type decoder; names as in HF's config.json.
public struct DecoderConfig: Sendable, Equatable, Codable {
    public var hiddenSize: Int, layers: Int, heads: Int, keyValueHeads: Int, headDimension: Int, intermediateSize: Int
    public var vocabularySize: Int
    public var rmsNormEps: Float, ropeTheta: Float
    /// Bias on q, k and v: Qwen2 has one, Llama none.
    public var attentionBias: Bool
    /// The head is the embedding table.
    public var tied: Bool
    public init(
        hiddenSize: Int, layers: Int, heads: Int, keyValueHeads: Int, headDimension: Int, intermediateSize: Int,
        vocabularySize: Int, rmsNormEps: Float, ropeTheta: Float, attentionBias: Bool, tied: Bool
    ) {
        self.hiddenSize = hiddenSize
        self.layers = layers
        self.heads = heads
        self.keyValueHeads = keyValueHeads
        self.headDimension = headDimension
        self.intermediateSize = intermediateSize
        self.vocabularySize = vocabularySize
        self.rmsNormEps = rmsNormEps
        self.ropeTheta = ropeTheta
        self.attentionBias = attentionBias
        self.tied = tied
    }
}

/// Which positions of a padded batch count, and where the rotary positions start.
public struct BatchPositions {
    /// [B]: the rotary position of each row's first element; negative on the left of a left-padded row.
    public var positions: MLXArray
    /// [B]: the first key that counts, and the one past the last; nil where all do.
    public var first: MLXArray?, last: MLXArray?
    public init(positions: MLXArray, first: MLXArray? = nil, last: MLXArray? = nil) {
        self.positions = positions
        self.first = first
        self.last = last
    }
}

/// Keys and values of the positions so far, [B, T, Hk, D] a layer.
public final class KVCache {
    var keys: [MLXArray?], values: [MLXArray?]
    public init(layers: Int) {
        keys = Array(repeating: nil, count: layers)
        values = keys
    }
    func append(_ k: MLXArray, _ v: MLXArray, layer: Int) -> (MLXArray, MLXArray) {
        let k = keys[layer].map { concatenated([$0, k], axis: 1) } ?? k
        let v = values[layer].map { concatenated([$0, v], axis: 1) } ?? v
        (keys[layer], values[layer]) = (k, v)
        return (k, v)
    }
    /// Leaves the named rows, in that order.
    func keep(rows: MLXArray) {
        keys = keys.map { $0?.take(rows) }
        values = values.map { $0?.take(rows) }
    }
    /// The same past for each of `count` rows, of a cache of one row.
    func repeated(_ count: Int) -> KVCache {
        let many = KVCache(layers: keys.count)
        many.keys = keys.map { $0.map { concatenated(Array(repeating: $0, count: count)) } }
        many.values = values.map { $0.map { concatenated(Array(repeating: $0, count: count)) } }
        return many
    }
    /// What has to be evaluated so that no graph grows from token to token.
    public var arrays: [MLXArray] { keys.compactMap { $0 } + values.compactMap { $0 } }
}

/// HF LlamaAttention / Qwen2Attention.
public final class DecoderAttention: Module {
    @ModuleInfo(key: "q_proj") public var query: Linear
    @ModuleInfo(key: "k_proj") public var key: Linear
    @ModuleInfo(key: "v_proj") public var value: Linear
    @ModuleInfo(key: "o_proj") public var output: Linear
    let config: DecoderConfig

    init(_ c: DecoderConfig) {
        config = c
        _query.wrappedValue = Linear(c.hiddenSize, c.heads * c.headDimension, bias: c.attentionBias)
        _key.wrappedValue = Linear(c.hiddenSize, c.keyValueHeads * c.headDimension, bias: c.attentionBias)
        _value.wrappedValue = Linear(c.hiddenSize, c.keyValueHeads * c.headDimension, bias: c.attentionBias)
        _output.wrappedValue = Linear(c.heads * c.headDimension, c.hiddenSize, bias: false)
    }

    func callAsFunction(_ x: MLXArray, _ batch: BatchPositions, cache: KVCache?, layer: Int) -> MLXArray {
        let (B, T, D) = (x.dim(0), x.dim(1), config.headDimension)
        let q = Fused.rope(
            query(x).reshaped([B, T, config.heads, D]), positions: batch.positions, base: config.ropeTheta)
        var k = Fused.rope(
            key(x).reshaped([B, T, config.keyValueHeads, D]), positions: batch.positions, base: config.ropeTheta)
        var v = value(x).reshaped([B, T, config.keyValueHeads, D])
        if let cache { (k, v) = cache.append(k, v, layer: layer) }
        let y = Fused.attention(
            queries: q, keys: k, values: v, first: batch.first, last: batch.last,
            scale: 1 / Float(D).squareRoot(), causal: true)
        return output(y.reshaped([B, T, config.heads * D]))
    }
}

/// down(silu(gate(x)) * up(x)).
public final class DecoderMLP: Module {
    @ModuleInfo(key: "gate_proj") public var gate: Linear
    @ModuleInfo(key: "up_proj") public var up: Linear
    @ModuleInfo(key: "down_proj") public var down: Linear
    init(_ c: DecoderConfig) {
        _gate.wrappedValue = Linear(c.hiddenSize, c.intermediateSize, bias: false)
        _up.wrappedValue = Linear(c.hiddenSize, c.intermediateSize, bias: false)
        _down.wrappedValue = Linear(c.intermediateSize, c.hiddenSize, bias: false)
    }
    func callAsFunction(_ x: MLXArray) -> MLXArray { down(Fused.swiglu(gate(x), up(x))) }
}

public final class DecoderLayer: Module {
    @ModuleInfo(key: "self_attn") public var attention: DecoderAttention
    @ModuleInfo public var mlp: DecoderMLP
    @ModuleInfo(key: "input_layernorm") var inputNorm: RMSNorm
    @ModuleInfo(key: "post_attention_layernorm") var postAttentionNorm: RMSNorm
    init(_ c: DecoderConfig) {
        _attention.wrappedValue = DecoderAttention(c)
        mlp = DecoderMLP(c)
        _inputNorm.wrappedValue = RMSNorm(c.hiddenSize, eps: c.rmsNormEps)
        _postAttentionNorm.wrappedValue = RMSNorm(c.hiddenSize, eps: c.rmsNormEps)
    }
    func callAsFunction(_ x: MLXArray, _ batch: BatchPositions, cache: KVCache?, layer: Int) -> MLXArray {
        let h = x + attention(inputNorm(x), batch, cache: cache, layer: layer)
        return h + mlp(postAttentionNorm(h))
    }
}

/// The LLM: embeddings in, logits out. Every layer's output, before the final norm, goes to an observer: analysis, the
/// classification heads and traces are observers of this one forward pass.
public final class Decoder: Module {
    @ModuleInfo(key: "model.embed_tokens") public var embedTokens: Embedding
    @ModuleInfo(key: "model.layers") public var layers: [DecoderLayer]
    @ModuleInfo(key: "model.norm") public var norm: RMSNorm
    @ModuleInfo(key: "lm_head") public var head: Linear?
    public let config: DecoderConfig

    public init(_ c: DecoderConfig) {
        config = c
        _embedTokens.wrappedValue = Embedding(c.vocabularySize, c.hiddenSize)
        _layers.wrappedValue = (0..<c.layers).map { _ in DecoderLayer(c) }
        _norm.wrappedValue = RMSNorm(c.hiddenSize, eps: c.rmsNormEps)
        _head.wrappedValue = c.tied ? nil : Linear(c.hiddenSize, c.vocabularySize, bias: false)
    }

    /// x [B, T, hidden] -> the last layer's output, before the norm. `observer` sees (layer, output [B, T, hidden]).
    ///
    /// - Parameter wrap: gets (layer, its input, the layer as a function) and returns its output: to compute it again for a
    ///   gradient, say, in place of keeping what it computes on the way.
    public func callAsFunction(
        _ x: MLXArray, _ batch: BatchPositions, cache: KVCache? = nil,
        observer: ((Int, MLXArray) throws -> Void)? = nil,
        wrap: ((Int, MLXArray, @escaping (MLXArray) -> MLXArray) throws -> MLXArray)? = nil
    ) rethrows -> MLXArray {
        var x = x
        for (i, layer) in layers.enumerated() {
            let run = { (x: MLXArray) in layer(x, batch, cache: cache, layer: i) }
            x = try wrap?(i, x, run) ?? run(x)
            try observer?(i, x)
        }
        return x
    }

    /// [..., hidden] -> [..., vocabulary]. `normed` false leaves the final norm out (the raw logit lens).
    public func logits(_ x: MLXArray, normed: Bool = true) -> MLXArray {
        let h = normed ? norm(x) : x
        return head.map { $0(h) } ?? embedTokens.asLinear(h)
    }
}
