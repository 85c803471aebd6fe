import MLX
import MLXNN

/// `model.vq_adaptor`: four Whisper rows to the decoder's width. Linear, SiLU, linear, layer norm.
public final class KimiAudioAdaptor: Module {
    @ModuleInfo(key: "layers.0") var first: Linear
    @ModuleInfo(key: "layers.3") var second: Linear
    @ModuleInfo(key: "layers.4") var norm: LayerNorm

    public init(_ c: KimiAudioConfig) {
        _first.wrappedValue = Linear(c.adaptorInput, c.decoder.hiddenSize)
        _second.wrappedValue = Linear(c.decoder.hiddenSize, c.decoder.hiddenSize)
        _norm.wrappedValue = LayerNorm(c.decoder.hiddenSize, eps: 1e-6)
    }

    /// [n, adaptorInput] -> [n, hidden].
    public func callAsFunction(_ x: MLXArray) -> MLXArray {
        let h = first(x)
        return norm(second(h * sigmoid(h)))
    }
}
