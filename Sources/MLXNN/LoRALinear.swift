import MLX

/// A linear layer plus a low-rank branch: y = x W^T + b + (alpha / rank) (x A^T) B^T (Hu et al. 2021). W and b are frozen.
/// A starts as PEFT's does (uniform in +-1/sqrt(in), Kaiming with a = sqrt 5), B as zeros: nothing changes at first.
/// The paths of its parameters are those of the layer that it wraps, and of A and B beside them.
public final class LoRALinear: Linear {
    /// The layer that is adapted, plain or quantised. Its parameters are this layer's own.
    public let base: Linear
    @ParameterInfo(key: "lora_A.weight") public var loraA: MLXArray
    @ParameterInfo(key: "lora_B.weight") public var loraB: MLXArray
    public let scale: Float

    public init(_ linear: Linear, rank: Int, alpha: Float, seed: UInt64) {
        let (output, input) = linear.shape, bound = 1 / Float(input).squareRoot()
        base = linear
        _loraA.wrappedValue = .uniform([rank, input], low: -bound, high: bound, seed: seed)
        _loraB.wrappedValue = .zeros([output, rank])
        scale = alpha / Float(rank)
        super.init(sharing: linear)
        base.freeze()
    }

    public override func namedParameters() -> [(path: String, parameter: any AnyParameterInfo)] {
        base.namedParameters() + [("lora_A.weight", _loraA), ("lora_B.weight", _loraB)]
    }
    /// A and B alone.
    public override func unfreeze() {
        _loraA.isTrainable = true
        _loraB.isTrainable = true
    }

    public override var shape: (Int, Int) { base.shape }
    public override func denseWeight() -> MLXArray { mergedWeight() }
    public override func callAsFunction(_ x: MLXArray) -> MLXArray {
        base.adapted(x, a: loraA, b: loraB, scale: scale)
    }
    public override func adapted(_ x: MLXArray, a: MLXArray, b: MLXArray, scale: Float) -> MLXArray {
        self(x) + matmul(matmul(x, a.T), b.T) * scale
    }
    /// W + scale B A, f32 [out, in]: what an exported, merged layer holds.
    public func mergedWeight() -> MLXArray {
        base.denseWeight().asType(.float32) + matmul(loraB, loraA) * scale
    }
}
