import Checkpoints
import MLX
import MLXNN

/// The part of GLM-4-Voice's WhisperVQEncoder that codes are made by; names as in the checkpoint.
final class WhisperVQEncoder: Module {
    @ModuleInfo var conv1: Conv1d
    @ModuleInfo var conv2: Conv1d
    @ModuleInfo(key: "embed_positions") var positions: Embedding
    @ModuleInfo var layers: [WhisperEncoderLayer]
    @ModuleInfo var codebook: Embedding
    private let config: SpeechTokenizerConfig

    init(_ c: SpeechTokenizerConfig) {
        config = c
        conv1 = Conv1d(c.encoder.melBins, c.encoder.width, kernel: 3, stride: 1, padding: 0)
        conv2 = Conv1d(
            c.encoder.width, c.encoder.width, kernel: 3, stride: SpeechTokenizerConfig.framesPerRow, padding: 0)
        _positions.wrappedValue = Embedding(c.encoder.positions, c.encoder.width)
        layers = (0..<c.encoder.layers).map { _ in WhisperEncoderLayer(c.encoder) }
        codebook = Embedding(c.codebookSize, c.encoder.width)
    }

    /// mel [1, frames, bins] of at most 3000 frames, a multiple of 2 x `poolingKernel`; rows from `valid` on are padding,
    /// which nothing attends to. -> every stage [1, frames / 2, width], and the means [frames / 2 / poolingKernel, width].
    func callAsFunction(_ mel: MLXArray, valid: Int) -> (rows: [MLXArray], pooled: MLXArray) {
        let edges = config.causalConvolution ? (2, 0) : (1, 1)
        let framed = { (x: MLXArray) in padded(x, widths: [(0, 0), edges, (0, 0)]) }
        var x = Fused.gelu(conv2(framed(Fused.gelu(conv1(framed(mel))))))
        x = x + positions.weight[0..<x.dim(1)].asType(.float32)
        var rows = [x]
        for layer in layers {
            x = layer(x, block: config.blockSize, keys: valid)
            rows.append(x)
        }
        let (kernel, width) = (config.poolingKernel, config.encoder.width)
        return (rows, x.reshaped([x.dim(1) / kernel, kernel, width]).mean(axes: [1]))
    }

    /// states [n, width] -> [n]: the codebook row of the least squared distance, of equal ones the first. The state's own
    /// square is the same for all rows and left out.
    func nearest(_ states: MLXArray) -> MLXArray {
        (codebook.asLinear(states) * 2 - codebook.weight.asType(.float32).square().sum(axes: [1])).argMax()
    }

    /// The published file has no prefix: its 1458374480 bytes are exactly these tensors with `embed_positions2`, `ema_count` and
    /// `ema_weight`, in f32. A checkpoint of the whole training model has the prefix `model.encoder.`, which GLM-4-Voice's
    /// load_quantize_encoder strips. What codes do not need - later blocks, a decoder - may be there.
    func load(_ files: HFFolder) throws {
        let prefix = files.has("model.encoder.conv1.weight") ? "model.encoder." : ""
        var loader = CheckpointLoader(files)
        try loader.load(into: self) { prefix + $0 }
    }
}
