import Checkpoints
import Foundation
import MLX
import MLXNN
import Speech
import Tokenization

/// The embedded model: Whisper tiny.en's encoder, our projector, SmolLM2-135M-Instruct with our adapter worked in.
public final class SmolModel: ChatModel {
    public let name: String
    public var system = ""
    public let weightsHash: String
    public let files: HFFolder
    public let processor: ChatProcessor
    public let decoder: Decoder
    public let encoder: WhisperEncoder
    public let config: SmolConfig
    /// nil only while it is being trained: then nothing can be heard.
    public private(set) var projector: SmolProjector?
    /// Whether the encoder is, or is to be, another one than the folder's.
    public private(set) var hasOwnEncoder = false
    private let logMel: LogMel
    /// What the projector's directions are compared with; its tokens' embeddings at unit length, and their norms.
    public private(set) var classes: MLXArray?
    private var unit: MLXArray?
    private var norms: [Float] = []

    /// The projector that the project ships, made by `resurface align projector`.
    public static var shippedProjector: URL? {
        Bundle.module.url(forResource: "Resources/smol/projector", withExtension: "safetensors")
    }

    /// The language model's adapter that the project ships, made by `resurface align language`: a folder in PEFT's layout.
    public static var shippedAdapter: URL? {
        Bundle.module.url(forResource: "Resources/smol/adapter", withExtension: nil)
    }

    /// The model that `smol` names: what `SmolSetup` has converted, with the shipped projector and adapter.
    public static func embedded() throws -> SmolModel {
        try SmolModel(folder: SmolSetup.folder, name: "smol", adapter: shippedAdapter)
    }

    /// - Parameters:
    ///   - projector: a file of `SmolProjector.save`; nil: the folder's own projector.safetensors, else the shipped one.
    ///     `withoutProjector` leaves it out.
    ///   - adapter: a folder in PEFT's layout that is worked into the language model's weights.
    public init(
        folder: URL, name: String, projector: URL? = nil, adapter: URL? = nil, withoutProjector: Bool = false
    ) throws {
        let own = folder.appendingPathComponent("projector.safetensors")
        let chosen =
            withoutProjector
            ? nil : projector ?? (FileManager.default.fileExists(atPath: own.path) ? own : Self.shippedProjector)
        guard withoutProjector || chosen != nil else {
            throw ModelError("\(folder.path) has no projector.safetensors: train one with `resurface align projector`")
        }
        files = try HFFolder(
            folder, adapter: adapter.map { try PEFTAdapter(readingFrom: $0) },
            companions: chosen.map { [own.lastPathComponent: $0] } ?? [:])
        config = try SmolConfig(files.config)
        self.name = name
        // No system turn unless the caller gives one: the clip alone is the question, and prompts stay short.
        processor = try ChatProcessor(
            BPETokenizer(folder: folder), template: .smolLM2, audioToken: config.audioToken, folder: folder,
            vocabulary: config.decoder.vocabularySize, system: "")
        decoder = Decoder(config.decoder)
        encoder = WhisperEncoder(config.encoder)
        logMel = try LogMel(bins: config.encoder.melBins)
        var loader = CheckpointLoader(files)
        try loader.load(into: decoder) { $0 }
        try loader.load(into: encoder) { "audio_tower." + $0 }
        try loader.finish()
        let hashes = try [
            Self.contentHash(files), chosen.map { try Checksum.sha256(file: $0) }, adapter.map(PEFTAdapter.hash),
        ].compactMap { $0 }
        weightsHash = Checksum.sha256(Data(hashes.joined(separator: " ").utf8))
        if let chosen { try use(readProjector(chosen)) }
    }

    /// A projector file that fits this model. An encoder that is with it takes the place of the folder's.
    public func readProjector(_ url: URL) throws -> SmolProjector {
        let (projector, hasEncoder) = try SmolProjector.load(
            url, encoder: encoder, width: config.decoder.hiddenSize, vocabulary: config.decoder.vocabularySize)
        hasOwnEncoder = hasOwnEncoder || hasEncoder
        return projector
    }

    /// Makes the encoder's weights f32 arrays of their own, in rows and not over the pages of a file, so that they can be trained
    /// in place.
    public func widenEncoder() throws {
        for (_, parameter) in encoder.namedParameters() {
            guard let old = parameter.array else { continue }
            parameter.array = MLXArray(try old.asType(.float32).asArray(), old.shape)
        }
        hasOwnEncoder = true
    }

    /// The manifest of the folder that set-up made holds the hashes of its files; any other folder is hashed.
    private static func contentHash(_ files: HFFolder) throws -> String {
        guard files.url.standardizedFileURL.path == SmolSetup.folder.standardizedFileURL.path, SmolSetup.isReady else {
            return try files.contentHash()
        }
        return try Checksum.sha256(file: files.url.appendingPathComponent("manifest.json"))
    }

    /// The letters of tokens, as a projector reads them: [tokens, letters of the longest, alphabet].
    public func letters(of tokens: [Int32]) -> MLXArray { SmolProjectorSpelling.letters(of: pieces(tokens)) }

    private func pieces(_ tokens: [Int32]) -> [String] { tokens.map { tokenizer.piece($0) ?? "" } }

    /// Puts a projector in place: its classes are rows of the embedding table, and what their letters sound like.
    public func use(_ projector: SmolProjector) throws {
        let rows = decoder.embedTokens.weight.take(MLXArray(projector.tokens))
        let spelled = try projector.spell(pieces: pieces(projector.tokens))
        let classes = projector.classVectors(rows, spelled: spelled)
        let unit = SmolProjector.normalised(rows)
        try eval(classes, unit)
        norms = try sqrt(rows.square().sum(axes: [1])).asArray()
        (self.classes, self.unit, self.projector) = (classes, unit, projector)
    }

    public func storedName(ofDecoder path: String) -> String { path }
    public var decoderModulePath: String { "model." }

    public var maximumSeconds: Double { Double(config.encoder.positions * 2) / 100 }

    public func mel(of waveform: Waveform) throws -> MelSpectrogram {
        let sound = try Resampler.resample(waveform, to: 16_000)
        guard sound.samples.count <= config.encoder.positions * 2 * 160 else {
            throw ModelError(
                "the clip lasts \(Int(sound.seconds.rounded())) s; this encoder hears at most \(Int(maximumSeconds)) s: cut it"
            )
        }
        let mel = try logMel(sound, padding: .none)
        guard mel.frames >= 8 else { throw ModelError("the clip is too short: expected at least 0.1 s of sound") }
        return mel
    }

    /// Every encoder stage of one clip, [1, frames / 2, width] each.
    public func encode(_ mel: MelSpectrogram) -> [MLXArray] {
        encoder(MLXArray(mel.values, [1, mel.frames, mel.bins]))
    }

    public func features(of waveform: Waveform) throws -> AudioFeatures {
        let stages = encode(try mel(of: waveform))
        let states = try EncoderStates.summary(stages)
        let heard = try content(of: SmolProjector.frames(of: stages))
        let voice = try voiceVector(states)
        let width = config.decoder.hiddenSize
        var values = heard.values
        for i in values.indices { values[i] += voice[i % width] }
        return AudioFeatures(values: values, count: values.count / width, width: width, encoderStates: states)
    }

    /// The content vectors of a clip and the likeliest tokens (for word error rates; the LLM gets the vectors only).
    ///
    /// A vector is the mean of the token embeddings weighted by CTC's posterior, not the direction that was compared with
    /// them: that one is only so near to its token that CTC can tell it from the others, and the LLM has never seen its like.
    public func content(of stacked: MLXArray) throws -> (values: [Float], tokens: [Int32]) {
        guard let projector, let classes, let unit else {
            throw ModelError("\(name) has no projector yet: train one with `resurface align`")
        }
        let width = config.decoder.hiddenSize
        let scores = projector(stacked.expandedDimensions(axis: 0), classes: classes)
        let V = scores.dim(2), best = scores.argMax()
        // Of the tokens, given that it is no blank.
        let posterior = Fused.softmax(scores.slice(1..<V, axis: 2) * SmolProjector.sharpness)
        let mixed = SmolProjector.normalised(matmul(posterior, unit))
        try eval(mixed, best)
        let e = try mixed.asArray(), classOf = try best.asInt32Array()
        var values: [Float] = [], tokens: [Int32] = [], sum = [Float](repeating: 0, count: width)
        func close(_ k: Int) {
            let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let factor = norms[k - 1] / max(length, 1e-6)
            values += sum.map { $0 * factor }
            tokens.append(projector.tokens[k - 1])
        }
        for (i, k) in classOf.enumerated() where k > 0 {
            if i == 0 || classOf[i - 1] != k { sum = [Float](repeating: 0, count: width) }
            for j in 0..<width { sum[j] += e[i * width + j] }
            if i + 1 == classOf.count || classOf[i + 1] != k { close(Int(k)) }
        }
        if tokens.isEmpty {  // nothing was heard: one position, which carries the voice
            values = try decoder.embedTokens.weight[Int(processor.audioToken)].asArray()
        }
        return (values, tokens)
    }

    /// What the projector hears, as text: for word error rates alone.
    public func transcript(of stacked: MLXArray) throws -> String {
        tokenizer.decode(try content(of: stacked).tokens).trimmingCharacters(in: .whitespaces)
    }

    /// [hidden]: what is added at every audio position.
    public func voiceVector(_ encoderStates: [[Float]]) throws -> [Float] {
        guard let projector else { throw ModelError("\(name) has no projector yet: train one with `resurface align`") }
        let s = MLXArray(SmolProjector.voiceInput(encoderStates)) - projector.voiceMean
        return try Fused.linear(s.reshaped([1, -1]), projector.voiceWeight).asArray()
    }
}
