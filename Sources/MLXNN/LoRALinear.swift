import MLX

/// A linear layer plus a low-rank branch: y = x W^T + b + (alpha / rank) (x A^T) B^T (Hu et al. 2021). W and b are frozen.
/// A starts as PEFT's does (uniform in +-1/sqrt(in), Kaiming with a = sqrt 5), B as zeros: nothing changes at first.
public final class LoRALinear: Linear {
    @ParameterInfo(key: "lora_A.weight") public var loraA: MLXArray
    @ParameterInfo(key: "lora_B.weight") public var loraB: MLXArray
    public let scale: Float

    public init(_ linear: Linear, rank: Int, alpha: Float, seed: UInt64) {
        let input = linear.weight.dim(1), output = linear.weight.dim(0), bound = 1 / Float(input).squareRoot()
        _loraA.wrappedValue = .uniform([rank, input], low: -bound, high: bound, seed: seed)
        _loraB.wrappedValue = .zeros([output, rank])
        scale = alpha / Float(rank)
        super.init(weight: linear.weight, bias: linear.bias)
        for (path, parameter) in namedParameters() where path == "weight" || path == "bias" {
            parameter.isTrainable = false
        }
    }

    public override func callAsFunction(_ x: MLXArray) -> MLXArray {
        Fused.loraLinear(x, weight, bias: bias, a: loraA, b: loraB, scale: scale)
    }
    /// W + scale B A: what an exported, merged layer holds.
    public func mergedWeight() -> MLXArray {
        weight.asType(.float32) + matmul(loraB, loraA) * scale
    }
}
