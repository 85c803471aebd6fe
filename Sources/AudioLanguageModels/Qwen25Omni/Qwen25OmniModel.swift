import Checkpoints
import Foundation
import MLX
import MLXNN
import Speech
import Tokenization

/// The thinker of Qwen2.5-Omni-3B and -7B (HF modeling_qwen2_5_omni.py): audio and text in, text out. Vision, talker and
/// token2wav are left on the disk. Without images the three rows of its rotary positions are one.
public final class Qwen25OmniModel: ChatModel {
    public let name: String
    public var system = ""
    public let weightsHash: String
    public let files: HFFolder
    public let processor: ChatProcessor
    public let decoder: Decoder
    public let encoder: Qwen25OmniEncoder
    public let config: Qwen25OmniConfig
    private let names: NestedNames
    private let logMel: LogMel
    /// Parts of the folder that are not used.
    private static let others = ["talker.", "token2wav."]
    private static let othersInside = [
        "visual.", "audio_tower.audio_bos_eos_token.", "audio_tower.positional_embedding",
    ]

    public init(folder: URL, name: String) throws {
        files = try HFFolder(folder)
        // A thinker may have been saved alone.
        let whole = files.has("thinker.audio_tower.conv1.weight")
        let names = NestedNames(files, outer: whole ? "thinker." : "", languageModel: "")
        self.names = names
        config = try Qwen25OmniConfig(files.config, tied: !files.has(names.decoder("lm_head.weight")))
        self.name = name
        processor = try ChatProcessor(
            BPETokenizer(folder: folder), template: .qwen25Omni, audioToken: "<|AUDIO|>",
            index: config.audioToken, folder: folder, vocabulary: config.decoder.vocabularySize)
        decoder = Decoder(config.decoder)
        encoder = Qwen25OmniEncoder(config)
        logMel = try LogMel(bins: config.encoder.melBins)
        var loader = CheckpointLoader(files)
        try loader.load(into: encoder) { names.inner + "audio_tower." + $0 }
        try loader.load(into: decoder, stored: names.decoder)
        try loader.finish(others: Self.others + Self.othersInside.map { names.inner + $0 })
        weightsHash = try files.contentHash()
    }

    /// HF's extractor pads to this length before it keeps the valid frames.
    private static let seconds = 300
    public func storedName(ofDecoder path: String) -> String { names.decoder(path) }
    public var decoderModulePath: String { "model.language_model." }

    public var maximumSeconds: Double { Double(Self.seconds) }

    public func mel(of waveform: Waveform) throws -> MelSpectrogram {
        try logMel(Resampler.resample(waveform, to: 16_000), padding: .validFrames(ofSeconds: Self.seconds))
    }

    public func features(of waveform: Waveform) throws -> AudioFeatures {
        let mel = try mel(of: waveform)
        try AudioTokens.check(frames: mel.validFrames)
        let (stages, features) = encoder(MLXArray(mel.values, [mel.frames, mel.bins]))
        try eval(stages + [features])
        return AudioFeatures(
            values: try features.asArray(), count: features.dim(0), width: config.outputDimension,
            encoderStates: try EncoderStates.summary(stages))
    }
}
