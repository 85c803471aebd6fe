import CMLX

/// Our own kernels, f32, with gradients. On a GPU, on a CPU without their instructions, and where `Device.plain` is set,
/// each is MLX's own operation instead, so that callers need not choose.
public enum Fused {
    /// x [..., in], weight [out, in] (f32, or bf16 or f16 where it is frozen), bias [out] -> [..., out].
    public static func linear(_ x: MLXArray, _ weight: MLXArray, bias: MLXArray? = nil) -> MLXArray {
        alive((x, weight, bias)) { wrap(cmlx_linear(x.handle, plain(weight), bias?.handle)) }
    }
    /// The same with a quantised weight, which gets no gradient.
    public static func linear(_ x: MLXArray, _ weight: QuantizedWeight, bias: MLXArray? = nil) -> MLXArray {
        alive((x, weight, bias)) { wrap(cmlx_linear(x.handle, weight.handle, bias?.handle)) }
    }
    /// The linear layer plus `scale` times the low-rank branch, a [r, in], b [out, r]. Weight and bias get no gradient.
    public static func loraLinear(
        _ x: MLXArray, _ weight: MLXArray, bias: MLXArray? = nil, a: MLXArray, b: MLXArray, scale: Float
    ) -> MLXArray {
        alive((x, weight, bias, a, b)) {
            wrap(cmlx_lora_linear(x.handle, plain(weight), bias?.handle, a.handle, b.handle, scale))
        }
    }
    /// The same with a quantised weight.
    public static func loraLinear(
        _ x: MLXArray, _ weight: QuantizedWeight, bias: MLXArray? = nil, a: MLXArray, b: MLXArray, scale: Float
    ) -> MLXArray {
        alive((x, weight, bias, a, b)) {
            wrap(cmlx_lora_linear(x.handle, weight.handle, bias?.handle, a.handle, b.handle, scale))
        }
    }
    private static func plain(_ weight: MLXArray) -> cmlx_matrix {
        cmlx_matrix(data: weight.handle, scales: nil, biases: nil, group: 0, bits: 0)
    }
    /// silu(gate) * up.
    public static func swiglu(_ gate: MLXArray, _ up: MLXArray) -> MLXArray {
        alive((gate, up)) { wrap(cmlx_swiglu(gate.handle, up.handle)) }
    }
    /// The exact form, by erf.
    public static func gelu(_ x: MLXArray) -> MLXArray { alive(x) { wrap(cmlx_gelu(x.handle)) } }
    /// Over the last axis.
    public static func softmax(_ x: MLXArray) -> MLXArray { alive(x) { wrap(cmlx_softmax_last(x.handle)) } }
    /// Over the last axis.
    public static func rmsNorm(_ x: MLXArray, weight: MLXArray, eps: Float) -> MLXArray {
        alive((x, weight)) { wrap(cmlx_rms_norm(x.handle, weight.handle, eps)) }
    }
    /// Over the last axis.
    public static func layerNorm(_ x: MLXArray, weight: MLXArray, bias: MLXArray, eps: Float) -> MLXArray {
        alive((x, weight, bias)) { wrap(cmlx_layer_norm(x.handle, weight.handle, bias.handle, eps)) }
    }
    /// Rotary positions in HF's half-split form. x [B, T, H, D]; `positions` [B]: that of each row's first element.
    public static func rope(_ x: MLXArray, positions: MLXArray, base: Float) -> MLXArray {
        alive((x, positions)) { wrap(cmlx_rope(x.handle, positions.handle, base)) }
    }
    /// Positions up to which `attention` keeps its probabilities for the gradient, [B, H, S, T] a layer; beyond, it makes them again.
    public static let keptAttention = Int(cmlx_kept_attention())
    /// Grouped-query attention. queries [B, S, H, D], keys and values [B, T, Hk, D] -> [B, S, H, D].
    /// Row b sees keys `first[b] ..< last[b]`; causal: query s sees keys up to T - S + s. No key at all gives 0.
    public static func attention(
        queries: MLXArray, keys: MLXArray, values: MLXArray, first: MLXArray? = nil, last: MLXArray? = nil,
        scale: Float,
        causal: Bool
    ) -> MLXArray {
        alive((queries, keys, values, first, last)) {
            wrap(
                cmlx_attention(
                    queries.handle, keys.handle, values.handle, first?.handle, last?.handle, scale, causal))
        }
    }
    /// Per row; a negative label contributes nothing, one beyond the vocabulary gives NaN.
    public static func crossEntropy(logits: MLXArray, labels: MLXArray) -> MLXArray {
        alive((logits, labels)) { wrap(cmlx_cross_entropy(logits.handle, labels.handle)) }
    }
    /// Per sample (Graves et al. 2006). logits [B, T, V] with the blank as class 0, labels [B, L]; `frames` and `lengths`
    /// [B] say how much of each row counts. An impossible alignment has loss 0 and no gradient.
    public static func ctcLoss(logits: MLXArray, labels: MLXArray, frames: MLXArray, lengths: MLXArray) -> MLXArray {
        alive((logits, labels, frames, lengths)) {
            wrap(cmlx_ctc_loss(logits.handle, labels.handle, frames.handle, lengths.handle))
        }
    }
    /// One AdamW step, in place on `parameters` and both moments. All three must be evaluated.
    public static func adamW(
        _ parameters: [MLXArray], gradients: [MLXArray], m: [MLXArray], v: [MLXArray], learningRate: Float, step: Int,
        betas: (Float, Float) = (0.9, 0.999), eps: Float = 1e-8, weightDecay: Float = 0.01
    ) throws {
        func handles(_ a: [MLXArray]) -> [cmlx_array?] { a.map { $0.handle } }
        guard gradients.count == parameters.count, m.count == parameters.count, v.count == parameters.count else {
            throw MLXError("adamW: \(parameters.count) parameters, \(gradients.count) gradients")
        }
        let failed = alive((parameters, gradients, m, v)) {
            cmlx_adamw(
                handles(parameters), handles(gradients), handles(m), handles(v), parameters.count, learningRate,
                betas.0, betas.1, eps, weightDecay, Int32(step))
        }
        if failed != 0 { throw MLXError.last }
    }
}
