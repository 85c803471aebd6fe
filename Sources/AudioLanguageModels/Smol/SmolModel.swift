import Checkpoints
import Foundation
import MLX
import MLXNN
import Speech
import Tokenization

/// The embedded model: Whisper tiny.en's encoder, our projector, SmolLM2-135M-Instruct.
public final class SmolModel: AudioLanguageModel {
    public let name: String
    public let weightsHash: String
    public let tokenizer: BPETokenizer
    public let decoder: Decoder
    public let encoder: WhisperEncoder
    public let config: SmolConfig
    /// nil only while it is being trained: then nothing can be heard.
    public private(set) var projector: SmolProjector?
    public let stopTokens: Set<Int32>
    private let logMel: LogMel
    private let audioToken: Int32
    /// What the projector's directions are compared with; its tokens' embeddings at unit length, and their norms.
    public private(set) var classes: MLXArray?
    private var unit: MLXArray?
    private var norms: [Float] = []

    /// The projector that the project ships, made by `resurface align`.
    public static var shippedProjector: URL? {
        Bundle.module.url(forResource: "Resources/smol/projector", withExtension: "safetensors")
    }

    /// - Parameter projector: a file of `SmolProjector.save`; nil: the folder's own projector.safetensors, else the shipped
    ///   one. `withoutProjector` leaves it out.
    public init(folder: URL, name: String, projector: URL? = nil, withoutProjector: Bool = false) throws {
        let files = try HFFolder(folder)
        config = try SmolConfig(files.config)
        self.name = name
        tokenizer = try BPETokenizer(tokenizerJSON: folder.appendingPathComponent("tokenizer.json"))
        decoder = Decoder(config.decoder)
        encoder = WhisperEncoder(config.encoder)
        logMel = try LogMel(bins: config.encoder.melBins)
        guard let audio = tokenizer.id(of: config.audioToken), let end = tokenizer.id(of: "<|im_end|>") else {
            throw ModelError(
                "\(folder.path)/tokenizer.json lacks \(config.audioToken) or <|im_end|>: expected the tokenizer of the model"
            )
        }
        audioToken = audio
        stopTokens = Set([end, tokenizer.id(of: "<|endoftext|>") ?? end])
        try Self.load(files, prefix: "", into: decoder)
        try Self.load(files, prefix: "audio_tower.", into: encoder)
        let own = folder.appendingPathComponent("projector.safetensors")
        let chosen = projector ?? (FileManager.default.fileExists(atPath: own.path) ? own : Self.shippedProjector)
        var hashes = [try Self.contentHash(folder)]
        if !withoutProjector {
            guard let chosen else {
                throw ModelError("\(folder.path) has no projector.safetensors: train one with `resurface align`")
            }
            hashes.append(try Checksum.sha256(file: chosen))
        }
        weightsHash = Checksum.sha256(Data(hashes.joined(separator: " ").utf8))
        decoder.freeze()
        encoder.freeze()
        if !withoutProjector, let chosen {
            try use(
                SmolProjector.load(
                    chosen, encoderWidth: config.encoder.width, width: config.decoder.hiddenSize,
                    vocabulary: config.decoder.vocabularySize))
        }
    }

    /// The manifest of a converted folder holds the hashes of its files; any other folder is hashed.
    private static func contentHash(_ folder: URL) throws -> String {
        let manifest = folder.appendingPathComponent("manifest.json")
        let file = FileManager.default.fileExists(atPath: manifest.path) ? "manifest.json" : "model.safetensors"
        return try Checksum.sha256(file: folder.appendingPathComponent(file))
    }

    private static func load(_ files: HFFolder, prefix: String, into module: Module) throws {
        var values: [String: MLXArray] = [:]
        for (path, parameter) in module.namedParameters() {
            let stored = prefix + path
            guard files.has(stored) else { throw ModelError("\(files.url.path): tensor \(stored) is missing") }
            var found = try files.info(stored).shape
            // Convolutions are (out, in, k) on disk, MLX wants (out, k, in).
            let convolution = found.count == 3
            if convolution { found.swapAt(1, 2) }
            guard let expected = parameter.array?.shape, expected == found else {
                throw ModelError(
                    "\(files.url.path): tensor \(stored) has shape \(try files.info(stored).shape), "
                        + "config.json makes it \(parameter.array?.shape ?? [])")
            }
            let array = try files.array(stored).asType(.float32)
            values[path] = convolution ? array.transposed(axes: [0, 2, 1]) : array
        }
        try eval(Array(values.values))
        try module.update(parameters: values)
    }

    /// Puts a projector in place: its classes are rows of the embedding table.
    public func use(_ projector: SmolProjector) throws {
        let rows = decoder.embedTokens.weight.take(MLXArray(projector.tokens))
        let (classes, unit) = (SmolProjector.classVectors(rows), SmolProjector.normalised(rows))
        try eval(classes, unit)
        norms = try sqrt(rows.square().sum(axes: [1])).asArray()
        (self.classes, self.unit, self.projector) = (classes, unit, projector)
    }

    public func mel(of waveform: Waveform) throws -> MelSpectrogram {
        let sound = try Resampler.resample(waveform, to: 16_000)
        let limit = config.encoder.positions * 2 * 160
        guard sound.samples.count <= limit else {
            throw ModelError(
                "the clip lasts \(Int(sound.seconds.rounded())) s; this encoder hears at most \(limit / 16_000) s: cut it"
            )
        }
        return try logMel(sound, padding: .none)
    }

    /// Every encoder stage of one clip, [1, frames / 2, width] each.
    public func encode(_ mel: MelSpectrogram) throws -> [MLXArray] {
        guard mel.frames >= 8 else { throw ModelError("the clip is too short: expected at least 0.1 s of sound") }
        return encoder(MLXArray(mel.values, [1, mel.frames, mel.bins]))
    }

    /// Mean and population standard deviation over time of each stage: [stages][2 x width].
    public static func summary(_ stages: [MLXArray]) throws -> [[Float]] {
        let all = stages.map { x -> MLXArray in
            let mean = x.mean(axes: [1], keepDims: true)
            let deviation = sqrt((x - mean).square().mean(axes: [1]))
            return concatenated([mean.squeezed(axis: 1), deviation], axis: 1).squeezed(axis: 0)
        }
        let width = all.first?.dim(0) ?? 0
        let flat = try concatenated(all).asArray()
        return stride(from: 0, to: flat.count, by: max(1, width)).map { Array(flat[$0..<$0 + width]) }
    }

    public func features(of waveform: Waveform) throws -> AudioFeatures {
        let stages = try encode(mel(of: waveform))
        guard let last = stages.last else { throw ModelError("the encoder has no layers") }
        let states = try Self.summary(stages)
        let heard = try content(of: SmolProjector.stacked(last.squeezed(axis: 0)))
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
            values = try decoder.embedTokens.weight[Int(audioToken)].asArray()
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

    public func prompt(_ messages: [Message]) throws -> Prompt {
        var clips: [AudioFeatures] = []
        let chat = messages.map { message in
            ChatMessage(
                message.role,
                message.parts.map { part in
                    switch part {
                    case .text(let text): return .text(text)
                    case .audio(let features):
                        clips.append(features)
                        return .audio
                    }
                })
        }
        // No system turn unless the caller gives one: the clip alone is the question, and prompts stay short.
        let pieces = ChatTemplate.smolLM2.render(chat, system: "")
        let encoded = try tokenizer.encode(
            pieces, audioPlaceholder: audioToken, audioTokenCounts: clips.map(\.count))
        return try Prompt(encoded, clips: clips, embedding: decoder.embedTokens)
    }

    public func answerTokens(_ text: String) -> [Int32] {
        tokenizer.encode(text) + [tokenizer.id(of: "<|im_end|>") ?? 0]
    }
}
