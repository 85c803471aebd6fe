import Checkpoints
import Foundation
import MLX
import MLXNN
import Speech
import Tokenization

/// Qwen2-Audio-7B and -Instruct (HF modeling_qwen2_audio.py): Whisper large-v3's encoder with its padding masked, pooling in
/// twos before the final layer norm, one linear layer, Qwen2.
public final class Qwen2AudioModel: ChatModel {
    public let name: String
    public var system = ""
    public let weightsHash: String
    public let files: HFFolder
    public let processor: ChatProcessor
    public let decoder: Decoder
    public let encoder: WhisperEncoder
    public let projector: Linear
    public let config: Qwen2AudioConfig
    private let names: NestedNames
    private let logMel: LogMel

    public init(folder: URL, name: String) throws {
        files = try HFFolder(folder)
        let names = NestedNames(files)
        self.names = names
        config = try Qwen2AudioConfig(files.config, tied: !files.has(names.decoder("lm_head.weight")))
        self.name = name
        processor = try ChatProcessor(
            BPETokenizer(folder: folder), template: Self.template(folder), audioToken: "<|AUDIO|>",
            index: config.audioToken, folder: folder, vocabulary: config.decoder.vocabularySize)
        decoder = Decoder(config.decoder)
        encoder = WhisperEncoder(config.encoder)
        projector = Linear(config.encoder.width, config.decoder.hiddenSize)
        logMel = try LogMel(bins: config.encoder.melBins)
        var loader = CheckpointLoader(files)
        try loader.load(into: encoder) { names.inner + "audio_tower." + $0 }
        try loader.load(into: projector) { names.inner + "multi_modal_projector.linear." + $0 }
        try loader.load(into: decoder, stored: names.decoder)
        try loader.finish()
        weightsHash = try files.contentHash()
    }

    /// The base model knows no turns: its folder has no chat template, and is not called Instruct.
    private static func template(_ folder: URL) throws -> ChatTemplate {
        let names = ["chat_template.json", "chat_template.jinja"]
        if names.contains(where: { FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path) }) {
            return .qwen2AudioInstruct
        }
        let file = folder.appendingPathComponent("tokenizer_config.json")
        if FileManager.default.fileExists(atPath: file.path), try JSONFile.object(at: file).has("chat_template") {
            return .qwen2AudioInstruct
        }
        return folder.lastPathComponent.lowercased().contains("instruct") ? .qwen2AudioInstruct : .qwen2AudioBase
    }

    public func storedName(ofDecoder path: String) -> String { names.decoder(path) }
    public var decoderModulePath: String { "model.language_model." }

    public var maximumSeconds: Double { Double(2 * config.encoder.positions) / 100 }

    /// The waveform padded with silence to the encoder's whole length; longer clips are cut.
    public func mel(of waveform: Waveform) throws -> MelSpectrogram {
        try logMel(Resampler.resample(waveform, to: 16_000), padding: .seconds(Int(maximumSeconds)))
    }

    public func features(of waveform: Waveform) throws -> AudioFeatures {
        let mel = try mel(of: waveform)
        try AudioTokens.check(frames: mel.validFrames)
        let rows = AudioTokens.rows(frames: mel.validFrames), count = AudioTokens.count(frames: mel.validFrames)
        // Rows of padding are heard by no other row: only the convolutions see a frame or two of it.
        let frames = min(mel.frames, 2 * rows + 2)
        let x = MLXArray(Array(mel.values[..<(frames * mel.bins)]), [1, frames, mel.bins])
        let stages = encoder.blocks(x, rows: rows)
        let pairs = stages[stages.count - 1].slice(0..<2 * count, axis: 1)
        let pooled = encoder.norm(pairs.reshaped([1, count, 2, encoder.config.width]).mean(axes: [2]))
        let y = projector(pooled)
        try eval([y, pooled] + stages)
        return AudioFeatures(
            values: try y.asArray(), count: count, width: config.decoder.hiddenSize,
            encoderStates: try EncoderStates.summary(stages + [pooled]))
    }
}
