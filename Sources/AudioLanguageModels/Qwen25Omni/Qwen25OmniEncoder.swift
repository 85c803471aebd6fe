import Foundation
import MLX
import MLXNN

/// HF Qwen2_5OmniAudioEncoder: blocks of 2 x nWindow mel frames, each heard alone from the convolutions to the last layer,
/// with sinusoid positions that begin anew in each.
public final class Qwen25OmniEncoder: Module {
    @ModuleInfo var conv1: Conv1d
    @ModuleInfo var conv2: Conv1d
    @ModuleInfo var layers: [WhisperEncoderLayer]
    @ModuleInfo(key: "ln_post") var norm: LayerNorm
    @ModuleInfo(key: "proj") var projector: Linear
    private let config: Qwen25OmniConfig
    private let positions: [Float]

    public init(_ c: Qwen25OmniConfig) {
        config = c
        conv1 = Conv1d(c.encoder.melBins, c.encoder.width, kernel: 3, stride: 1, padding: 1)
        conv2 = Conv1d(c.encoder.width, c.encoder.width, kernel: 3, stride: 2, padding: 1)
        layers = (0..<c.encoder.layers).map { _ in WhisperEncoderLayer(c.encoder) }
        _norm.wrappedValue = LayerNorm(c.encoder.width)
        _projector.wrappedValue = Linear(c.encoder.width, c.outputDimension)
        positions = Self.sinusoids(rows: c.nWindow, width: c.encoder.width)
    }

    /// [rows x width]: sines, then cosines, of geometric frequencies from 1 down to 1 / 10,000.
    private static func sinusoids(rows: Int, width: Int) -> [Float] {
        let half = width / 2, step = log(10_000.0) / Double(max(1, half - 1))
        return (0..<rows).flatMap { row -> [Float] in
            let angles = (0..<half).map { Double(row) * exp(-step * Double($0)) }
            return angles.map { Float(sin($0)) } + angles.map { Float(cos($0)) }
        }
    }

    /// mel [frames, bins], valid frames only -> every stage [1, rows, width] (what the convolutions and positions give, each
    /// block's output, last the layer norm of the rows pooled in twos), and the audio features [count, outputDimension].
    public func callAsFunction(_ mel: MLXArray) -> (stages: [MLXArray], features: MLXArray) {
        let size = 2 * config.nWindow, frames = mel.dim(0), whole = frames / size
        var blocks: [MLXArray] = []
        if whole > 0 { blocks.append(mel[0..<whole * size].reshaped([whole, size, mel.dim(1)])) }
        if frames > whole * size { blocks.append(mel[whole * size..<frames].expandedDimensions(axis: 0)) }
        var parts: [[MLXArray]] = []
        for block in blocks {
            var x = Fused.gelu(conv2(Fused.gelu(conv1(block))))
            x = x + MLXArray(positions, [config.nWindow, config.encoder.width])[0..<x.dim(1)]
            var own = [x]
            for layer in layers {
                x = layer(x)
                own.append(x)
            }
            parts.append(own.map { $0.reshaped([1, -1, config.encoder.width]) })
        }
        var stages = EncoderStates.joined(parts)
        // An odd last row is dropped.
        let last = stages[layers.count], count = last.dim(1) / 2
        let pairs = last.slice(0..<2 * count, axis: 1).reshaped([1, count, 2, config.encoder.width])
        stages.append(norm(pairs.mean(axes: [2])))
        return (stages, projector(stages[layers.count + 1]).squeezed(axis: 0))
    }
}
