import MLX
import MLXNN

/// HF VoxtralMultiModalProjector: linear_2(gelu(linear_1(x))), both without bias.
public final class VoxtralProjector: Module {
    @ModuleInfo(key: "linear_1") var first: Linear
    @ModuleInfo(key: "linear_2") var second: Linear

    public init(_ c: VoxtralConfig) {
        _first.wrappedValue = Linear(c.stack * c.encoder.width, c.decoder.hiddenSize, bias: false)
        _second.wrappedValue = Linear(c.decoder.hiddenSize, c.decoder.hiddenSize, bias: false)
    }

    /// Neighbouring rows as one: [n, stack x width] -> [n, hidden].
    public func callAsFunction(_ x: MLXArray) -> MLXArray { second(Fused.gelu(first(x))) }
}
