import MLX

/// y = x W^T + b. weight [out, in]; frozen weights may be bf16 or f16.
open class Linear: Module {
    @ParameterInfo public var weight: MLXArray
    @ParameterInfo public var bias: MLXArray?

    /// Zeros: the values come from a checkpoint.
    public init(_ inputDimensions: Int, _ outputDimensions: Int, bias: Bool = true) {
        weight = .zeros([outputDimensions, inputDimensions])
        self.bias = bias ? .zeros([outputDimensions]) : nil
    }
    /// Uniform in +-1/sqrt(in), as torch.nn.Linear starts.
    public init(_ inputDimensions: Int, _ outputDimensions: Int, bias: Bool = true, seed: UInt64) {
        let bound = 1 / Float(inputDimensions).squareRoot()
        weight = .uniform([outputDimensions, inputDimensions], low: -bound, high: bound, seed: seed)
        self.bias = bias ? .uniform([outputDimensions], low: -bound, high: bound, seed: seed ^ 0x5bd1_e995) : nil
    }
    public init(weight: MLXArray, bias: MLXArray?) {
        self.weight = weight
        self.bias = bias
    }
    /// Holds the very parameters of another layer: what is set in one is set in the other.
    init(sharing other: Linear) {
        _weight = other._weight
        _bias = other._bias
    }

    /// (out, in), however the weight is stored.
    open var shape: (Int, Int) { (weight.dim(0), weight.dim(1)) }
    /// The weight as a matrix [out, in]: as it is stored, or f32 where it is quantised.
    open func denseWeight() -> MLXArray { weight }
    open func callAsFunction(_ x: MLXArray) -> MLXArray { Fused.linear(x, weight, bias: bias) }
    /// The layer, frozen, plus `scale` times a low-rank branch, a [r, in], b [out, r].
    open func adapted(_ x: MLXArray, a: MLXArray, b: MLXArray, scale: Float) -> MLXArray {
        Fused.loraLinear(x, weight, bias: bias, a: a, b: b, scale: scale)
    }
}

/// weight [count, width] (f32, or bf16 or f16 where it is frozen); looked up by row, as f32, and used as a linear layer
/// where the head is tied to it.
public final class Embedding: Module {
    @ParameterInfo public var weight: MLXArray
    public init(_ count: Int, _ width: Int) { weight = .zeros([count, width]) }
    public func callAsFunction(_ ids: MLXArray) -> MLXArray { weight.take(ids).asType(.float32) }
    public func asLinear(_ x: MLXArray) -> MLXArray { Fused.linear(x, weight) }
}

/// x / sqrt(mean(x^2) + eps) * weight.
public final class RMSNorm: Module {
    @ParameterInfo public var weight: MLXArray
    public let eps: Float
    public init(_ width: Int, eps: Float) {
        weight = .ones([width])
        self.eps = eps
    }
    public func callAsFunction(_ x: MLXArray) -> MLXArray { Fused.rmsNorm(x, weight: weight, eps: eps) }
}

public final class LayerNorm: Module {
    @ParameterInfo public var weight: MLXArray
    @ParameterInfo public var bias: MLXArray
    public let eps: Float
    public init(_ width: Int, eps: Float = 1e-5) {
        weight = .ones([width])
        bias = .zeros([width])
        self.eps = eps
    }
    public func callAsFunction(_ x: MLXArray) -> MLXArray {
        Fused.layerNorm(x, weight: weight, bias: bias, eps: eps)
    }
}

/// x [B, T, in]; weight [out, k, in], which is torch's [out, in, k] transposed.
public final class Conv1d: Module {
    @ParameterInfo public var weight: MLXArray
    @ParameterInfo public var bias: MLXArray
    public let stride: Int, padding: Int
    public init(_ input: Int, _ output: Int, kernel: Int, stride: Int, padding: Int) {
        weight = .zeros([output, kernel, input])
        bias = .zeros([output])
        self.stride = stride
        self.padding = padding
    }
    public func callAsFunction(_ x: MLXArray) -> MLXArray {
        conv1d(x, weight, stride: stride, padding: padding) + bias
    }
}
