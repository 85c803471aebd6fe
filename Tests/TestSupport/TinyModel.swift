import AudioLanguageModels
import Checkpoints
import Foundation
import MLX
import MLXNN
import Speech

/// A `resurface_smol` folder of a few hundred kilobytes with wide random weights: with narrow ones wrong code passes.
/// Change `config`, `tensors` or `specials` before `write` to get a folder that is wrong on purpose.
public struct TinyModel {
    public static let encoder = WhisperEncoderConfig(
        melBins: 80, width: 16, layers: 2, heads: 2, feedForward: 32, positions: 300)
    public static let decoder = DecoderConfig(
        hiddenSize: 32, layers: 4, heads: 4, keyValueHeads: 2, headDimension: 8, intermediateSize: 64,
        vocabularySize: 300, rmsNormEps: 1e-5, ropeTheta: 10_000, attentionBias: false, tied: true)

    public var audioConfig: [String: JSONValue]
    public var textConfig: [String: JSONValue]
    public var modelType = "resurface_smol"
    public var tensors: [String: MLXArray] = [:]
    public var specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<empty_output>"]
    private let seed: UInt64

    public init(seed: UInt64 = 1) {
        let (e, d) = (Self.encoder, Self.decoder)
        self.seed = seed
        audioConfig = [
            "model_type": "whisper", "num_mel_bins": .integer(e.melBins), "d_model": .integer(e.width),
            "encoder_layers": .integer(e.layers), "encoder_attention_heads": .integer(e.heads),
            "encoder_ffn_dim": .integer(e.feedForward), "max_source_positions": .integer(e.positions),
        ]
        textConfig = [
            "model_type": "llama", "hidden_size": .integer(d.hiddenSize), "num_hidden_layers": .integer(d.layers),
            "num_attention_heads": .integer(d.heads), "num_key_value_heads": .integer(d.keyValueHeads),
            "head_dim": .integer(d.headDimension), "intermediate_size": .integer(d.intermediateSize),
            "vocab_size": .integer(d.vocabularySize), "rms_norm_eps": .number(1e-5), "rope_theta": .number(10_000),
            "attention_bias": false, "tie_word_embeddings": true,
        ]
        var count = seed &* 1000
        func add(_ module: Module, prefix: String) {
            for (path, parameter) in module.namedParameters() {
                guard let shape = parameter.array?.shape else { continue }
                count += 1
                var values = Self.random(path, shape, seed: count)
                if shape.count == 3 { values = values.transposed(axes: [0, 2, 1]) }  // (out, in, k) on disk
                tensors[prefix + path] = values
            }
        }
        add(Decoder(d), prefix: "")
        add(WhisperEncoder(e), prefix: "audio_tower.")
    }

    private static func random(_ path: String, _ shape: [Int], seed: UInt64) -> MLXArray {
        if path.hasSuffix("bias") { return .normal(shape, scale: 0.1, seed: seed) }
        if shape.count == 1 { return MLXArray.normal(shape, scale: 0.2, seed: seed) + 1 }
        if path.contains("embed") { return .normal(shape, scale: 0.5, seed: seed) }
        let fan = shape.dropFirst().reduce(1, *)
        return .normal(shape, scale: 1.5 / Float(fan).squareRoot(), seed: seed)
    }

    /// config.json, model.safetensors, tokenizer.json and projector.safetensors.
    public func write(to folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let config: JSONValue = [
            "model_type": .string(modelType), "audio_token": "<empty_output>", "audio_config": .object(audioConfig),
            "text_config": .object(textConfig),
        ]
        try AtomicFile.write(Data(config.text(pretty: true).utf8), to: folder.appendingPathComponent("config.json"))
        try AtomicFile.write(Data(tokenizer.utf8), to: folder.appendingPathComponent("tokenizer.json"))
        try Safetensors.write(
            tensors.map { (name: $0.key, array: $0.value) }, to: folder.appendingPathComponent("model.safetensors"))
        let projector = SmolProjector(
            encoderWidth: Self.encoder.width, innerWidth: 24, width: Self.decoder.hiddenSize,
            tokens: Array(100..<160), seed: seed)
        projector.voiceWeight = .normal(projector.voiceWeight.shape, scale: 0.1, seed: seed &+ 99)
        try projector.save(to: folder.appendingPathComponent("projector.safetensors"), metadata: [:])
    }

    /// Specials, the 256 byte pieces, and merges up to the vocabulary's size.
    private var tokenizer: String {
        let plain = Set(33...126).union(161...172).union(174...255)
        var shifted = 256
        var pieces = specials
        for byte in 0..<256 {
            let scalar = plain.contains(byte) ? byte : shifted
            if !plain.contains(byte) { shifted += 1 }
            pieces.append(String(UnicodeScalar(UInt32(scalar)).map(Character.init) ?? " "))
        }
        let merges = [
            "Ġ t", "h e", "Ġt he", "i n", "e r", "a n", "o n", "r e", "Ġ a", "s t", "e n", "o u", "in g", "Ġ s", "Ġ w",
            "a t", "i s", "o r", "e s", "n d", "Ġa nd", "Ġ y", "Ġy ou", "l l", "h a", "t o", "Ġ to", "a r", "l e",
            "v e",
        ]
        pieces += merges.map { $0.filter { $0 != " " } }
        func lines(_ items: [String]) -> String { items.joined(separator: ",\n") }
        let vocabulary = pieces.enumerated().map { "\(JSONValue.quoted($1)): \($0)" }
        let added = specials.enumerated().map {
            "{\"id\": \($0), \"content\": \(JSONValue.quoted($1)), \"special\": true, \"normalized\": false}"
        }
        return """
            {"version": "1.0", "added_tokens": [\(lines(added))], "normalizer": null,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]},
            "post_processor": null, "decoder": {"type": "ByteLevel"},
            "model": {"type": "BPE", "vocab": {\(lines(vocabulary))}, "merges": [\(lines(merges.map(JSONValue.quoted)))]}}
            """
    }

    /// Written to `folder` and loaded.
    public static func load(in folder: URL, seed: UInt64 = 1) throws -> SmolModel {
        let own = folder.appendingPathComponent("tiny-\(seed)", isDirectory: true)
        if !FileManager.default.fileExists(atPath: own.path) { try TinyModel(seed: seed).write(to: own) }
        return try SmolModel(folder: own, name: "tiny")
    }

    /// A tone with an overtone and a little noise, 16 kHz.
    public static func tone(_ hertz: Float, seconds: Double = 0.5) -> Waveform {
        var generator = SeededGenerator(seed: UInt64(hertz))
        let samples = (0..<Int(seconds * 16_000)).map { i -> Float in
            let phase = 2 * Float.pi * hertz * Float(i) / 16_000
            return 0.3 * Foundation.sin(phase) + 0.1 * Foundation.sin(3.1 * phase)
                + 0.02 * (Float(generator.uniform()) - 0.5)
        }
        return Waveform(samples: samples, sampleRate: 16_000)
    }
}
