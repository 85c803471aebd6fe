import Checkpoints
import Foundation
import MLX
import MLXNN
import Speech
import Tokenization

/// Voxtral Mini and Small (HF modeling_voxtral.py): Whisper large-v3's encoder over chunks of 30 s, whose padding is heard like
/// sound, four rows stacked, two linear layers, Llama.
public final class VoxtralModel: ChatModel {
    public let name: String
    public var system = ""
    public let weightsHash: String
    public let files: HFFolder
    public let processor: ChatProcessor
    public let decoder: Decoder
    public let encoder: WhisperEncoder
    public let projector: VoxtralProjector
    public let config: VoxtralConfig
    private let names: NestedNames
    private let logMel: LogMel

    public init(folder: URL, name: String) throws {
        files = try HFFolder(folder)
        let names = NestedNames(files)
        self.names = names
        config = try VoxtralConfig(files.config, tied: !files.has(names.decoder("lm_head.weight")))
        self.name = name
        let tekken = FileManager.default.fileExists(atPath: folder.appendingPathComponent("tekken.json").path)
        processor = try ChatProcessor(
            BPETokenizer(folder: folder), template: .voxtral, audioToken: "[AUDIO]", index: config.audioToken,
            file: tekken ? "tekken.json" : "tokenizer.json", folder: folder, vocabulary: config.decoder.vocabularySize)
        decoder = Decoder(config.decoder)
        encoder = WhisperEncoder(config.encoder)
        projector = VoxtralProjector(config)
        logMel = try LogMel(bins: config.encoder.melBins)
        var loader = CheckpointLoader(files)
        try loader.load(into: encoder) { names.inner + "audio_tower." + $0 }
        try loader.load(into: projector) { names.inner + "multi_modal_projector." + $0 }
        try loader.load(into: decoder, stored: names.decoder)
        try loader.finish()
        weightsHash = try files.contentHash()
    }

    public func storedName(ofDecoder path: String) -> String { names.decoder(path) }
    public var decoderModulePath: String { "model.language_model." }

    private var chunkSeconds: Int { config.framesPerChunk / 100 }
    private var maximumChunks: Int { AudioLimits.maximumSeconds / chunkSeconds }
    /// The model itself has no limit but its context.
    public var maximumSeconds: Double { Double(maximumChunks * chunkSeconds) }

    /// The waveform padded with silence to whole chunks; the loudest value, from which the floor follows, is that of all chunks.
    public func mel(of waveform: Waveform) throws -> MelSpectrogram {
        let sound = try Resampler.resample(waveform, to: LogMel.sampleRate), size = chunkSeconds * LogMel.sampleRate
        let chunks = max(1, (sound.samples.count + size - 1) / size)
        return try logMel(sound, padding: .seconds(min(chunks, maximumChunks) * chunkSeconds))
    }

    public func features(of waveform: Waveform) throws -> AudioFeatures {
        let mel = try mel(of: waveform), size = config.framesPerChunk * mel.bins
        try AudioTokens.check(frames: mel.validFrames)
        var parts: [MLXArray] = [], heard: [[MLXArray]] = []
        for start in stride(from: 0, to: mel.values.count, by: size) {
            let chunk = MLXArray(Array(mel.values[start..<start + size]), [1, config.framesPerChunk, mel.bins])
            let stages = encoder(chunk)
            let rows = stages[stages.count - 1].reshaped([config.positionsPerChunk, config.encoder.feedForward])
            parts.append(projector(rows))
            // Analyses of the encoder look at the rows of sound, not at those of the padding.
            let sound = AudioTokens.rows(frames: min(config.framesPerChunk, mel.validFrames - start / mel.bins))
            heard.append(stages.map { $0.slice(0..<sound, axis: 1) })
            try eval([parts[parts.count - 1]] + heard[heard.count - 1])
        }
        let features = concatenated(parts)
        return AudioFeatures(
            values: try features.asArray(), count: features.dim(0), width: config.decoder.hiddenSize,
            encoderStates: try EncoderStates.summary(EncoderStates.joined(heard)))
    }
}
