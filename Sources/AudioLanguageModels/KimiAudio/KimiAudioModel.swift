import Checkpoints
import Foundation
import MLX
import MLXNN
import Speech
import Tokenization

/// Kimi-Audio-7B-Instruct for text answers: Whisper large-v3's encoder and GLM-4-voice's speech codes, an adaptor, Qwen2's 28
/// shared layers and text head. The branch that speaks is left on the disk.
public final class KimiAudioModel: AudioLanguageModel {
    public let name: String
    public var system = ""
    public let weightsHash: String
    public let files: HFFolder
    public let decoder: Decoder
    public let encoder: WhisperEncoder
    public let adaptor: KimiAudioAdaptor
    public let config: KimiAudioConfig
    public let tokens: KimiAudioTokens
    public let stopTokens: Set<Int32>
    private let speech: SpeechTokenizer
    private let logMel: LogMel

    /// Samples of one segment, and of one position: 12.5 a second.
    private static let segment = 30 * LogMel.sampleRate, position = 1280
    /// The branch that speaks, and numbers that the class keeps.
    private static let others = ["model.mimo_layers.", "model.mimo_norm.", "mimo_output.", "model.rotary_emb."]

    public init(folder: URL, name: String) throws {
        files = try HFFolder(folder)
        config = try KimiAudioConfig(files.config, tied: !files.has("lm_head.weight"))
        self.name = name
        tokens = try KimiAudioTokens(folder: folder)
        try ChatProcessor.check(
            tokens.tokenizer, fits: config.decoder.vocabularySize,
            place: "\(folder.path)/tiktoken.model with its added tokens")
        stopTokens = [tokens.textEnd, tokens.messageEnd]
        decoder = Decoder(config.decoder)
        adaptor = KimiAudioAdaptor(config)
        var loader = CheckpointLoader(files)
        try loader.load(into: adaptor) { "model.vq_adaptor." + $0 }
        try loader.load(into: decoder) { $0 }
        try loader.finish(others: Self.others)

        let whisper = try HFFolder(folder.appendingPathComponent("whisper-large-v3", isDirectory: true))
        encoder = WhisperEncoder(try WhisperEncoderConfig(whisper.config))
        guard 4 * encoder.config.width == config.adaptorInput, encoder.config.positions == 1500 else {
            throw ModelError(
                "\(whisper.url.path): d_model \(encoder.config.width), expected \(config.adaptorInput / 4), a fourth of the model's "
                    + "kimia_adaptor_input_dim; and max_source_positions 1500, found \(encoder.config.positions)")
        }
        let prefix = whisper.has("model.encoder.conv1.weight") ? "model.encoder." : "encoder."
        var own = CheckpointLoader(whisper)
        try own.load(into: encoder) { prefix + $0 }
        try own.finish(others: ["model.decoder.", "decoder.", "proj_out."])
        logMel = try LogMel(bins: encoder.config.melBins)
        speech = try SpeechTokenizer(folder: Self.speechFolder(folder))
        guard config.codeOffset + speech.config.codebookSize <= config.decoder.vocabularySize else {
            throw ModelError(
                "\(folder.path)/config.json: vocab_size is \(config.decoder.vocabularySize), expected room for the \(speech.config.codebookSize) "
                    + "speech codes from kimia_token_offset \(config.codeOffset) on")
        }
        weightsHash = Checksum.sha256(
            Data("\(try files.contentHash()) \(try whisper.contentHash()) \(speech.weightsHash)".utf8))
    }

    /// A download of its own, inside the model's folder or beside it.
    private static func speechFolder(_ folder: URL) throws -> URL {
        let name = "glm-4-voice-tokenizer"
        let places = [folder, folder.deletingLastPathComponent()].map {
            $0.appendingPathComponent(name, isDirectory: true)
        }
        guard let found = places.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
            throw ModelError(
                "Kimi-Audio needs the speech codes of \(name), a download of its own: put that folder to \(places[0].path)"
            )
        }
        return found
    }

    public func storedName(ofDecoder path: String) -> String { path }
    public var decoderModulePath: String { "model." }

    public var tokenizer: BPETokenizer { tokens.tokenizer }
    public var maximumSeconds: Double { 300 }

    private func samples(_ waveform: Waveform) throws -> [Float] {
        let sound = try Resampler.resample(waveform, to: LogMel.sampleRate).samples
        guard !sound.isEmpty else { throw ModelError("the clip has 0 samples: there is nothing to hear in it") }
        guard Double(sound.count) <= maximumSeconds * Double(LogMel.sampleRate) else {
            throw ModelError(
                "the clip lasts \(sound.count / LogMel.sampleRate) s, more than \(Int(maximumSeconds)) s: cut it")
        }
        return sound
    }

    /// Of the first segment, padded to 30 s.
    public func mel(of waveform: Waveform) throws -> MelSpectrogram { try mel(samples(waveform).prefix(Self.segment)) }

    private func mel(_ segment: ArraySlice<Float>) throws -> MelSpectrogram {
        try logMel(Waveform(samples: Array(segment), sampleRate: LogMel.sampleRate), padding: .seconds(30))
    }

    public func features(of waveform: Waveform) throws -> AudioFeatures {
        let sound = try samples(waveform)
        return try features(
            sound, codes: speech.codes(of: Waveform(samples: sound, sampleRate: LogMel.sampleRate)))
    }

    /// 16 kHz samples and their speech codes, one for every 1280 samples begun in each segment of 30 s.
    package func features(_ sound: [Float], codes: [Int32]) throws -> AudioFeatures {
        var stages: [[MLXArray]] = [], count = 0
        for start in stride(from: 0, to: sound.count, by: Self.segment) {
            let part = sound[start..<min(start + Self.segment, sound.count)], mel = try mel(part)
            let positions = (part.count - 1) / Self.position + 1
            // The silence that fills the segment up is heard too: no mask.
            let all = encoder(MLXArray(mel.values, [1, mel.frames, mel.bins]))
            let kept = all.map { $0.slice(0..<4 * positions, axis: 1) }
            try eval(kept)
            stages.append(kept)
            count += positions
        }
        let joined = EncoderStates.joined(stages)
        let y = adaptor(joined[joined.count - 1].reshaped([count, config.adaptorInput]))
        return AudioFeatures(
            values: try y.asArray(), count: count, width: config.decoder.hiddenSize,
            encoderStates: try EncoderStates.summary(joined), codes: codes)
    }

    /// Codes: (embedding + feature) x sqrt 2; everywhere the embedding of the text stream is added.
    public func prompt(_ messages: [Message]) throws -> Prompt {
        let streams = try KimiAudioStreams(messages, tokens: tokens, codeOffset: Int32(config.codeOffset))
        let clips = messages.flatMap(\.parts).compactMap { part -> AudioFeatures? in
            if case .audio(let features) = part { return features }
            return nil
        }
        let heard = try Prompt.spliced(decoder.embedTokens(MLXArray(streams.audio)), streams.spans, clips) {
            ($0 + $1) * Float(2).squareRoot()
        }
        let embeddings = heard + decoder.embedTokens(MLXArray(streams.text))
        var mask = streams.audio.map { _ in false }
        for span in streams.spans { for i in span { mask[i] = true } }
        try eval(embeddings)
        return Prompt(inputIDs: streams.audio, audioMask: mask, embeddings: embeddings, textIDs: streams.text)
    }

    public func answerTokens(_ text: String) -> [Int32] { tokenizer.encode(text) + [tokens.textEnd] }

    /// The audio stream of an answer in text is blank.
    public func answerEmbeddings(_ ids: MLXArray) -> MLXArray {
        decoder.embedTokens(ids) + decoder.embedTokens(MLXArray([tokens.blank]))
    }
}
