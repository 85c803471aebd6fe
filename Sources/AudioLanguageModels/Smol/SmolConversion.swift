import Checkpoints
import Foundation
import MLX

/// Turns the embedded model's two files into one folder in Hugging Face's layout: config.json, model.safetensors
/// (f32), tokenizer.json and tokenizer_config.json.
public enum SmolConversion {
    /// The special token that stands where audio goes: SmolLM2 has none for audio, this one it never writes.
    public static let audioToken = "<empty_output>"

    /// Converts into an existing folder; call it inside `AtomicDirectory.write`.
    ///
    /// - Parameters:
    ///   - encoder: a Whisper model.bin of CTranslate2; its decoder is left out (see `TranscriberConversion`).
    ///   - languageModel: a GGUF file of the llama architecture with tied embeddings.
    ///   - sources: texts for `config.json` that say where the weights come from.
    ///   - progress: gets the fraction done.
    public static func convert(
        encoder: URL, languageModel: URL, to folder: URL, sources: [String: String] = [:],
        progress: (Double) -> Void = { _ in }, shouldStop: () -> Bool = { false }
    ) throws {
        let gguf = try GGUFFile(languageModel)
        let ct2 = try CTranslate2File(encoder)
        let text = try SmolTextWeights(gguf)
        var audio = try WhisperWeights(ct2)
        let audioConfig = try audio.addEncoder(named: "audio_tower.")
        let tokenizer = try SmolTokenizerFiles(gguf)
        guard let audioID = tokenizer.specials.first(where: { $0.text == audioToken })?.id else {
            throw CheckpointError("\(languageModel.path) has no special token \(audioToken)")
        }
        let total = Double(text.plan.count + audio.plan.count)
        var tensors: [(name: String, array: MLXArray)] = []
        for item in text.plan + audio.plan {
            if shouldStop() { throw CancellationError() }
            tensors.append((item.name, try item.array()))
            progress(0.8 * Double(tensors.count) / total)
        }
        try Safetensors.write(
            tensors, metadata: ["format": "pt"], to: folder.appendingPathComponent("model.safetensors"))
        tensors = []
        progress(0.95)
        let config: JSONValue = [
            "architectures": ["ResurfaceSmol"], "model_type": "resurface_smol", "dtype": "float32",
            "audio_config": .object(audioConfig), "text_config": text.config, "audio_token": .string(audioToken),
            "audio_token_id": .integer(audioID), "audio_token_index": .integer(audioID), "audio_padding": "none",
            "tie_word_embeddings": true, "sources": .object(sources.mapValues { .string($0) }),
        ]
        func put(_ text: String, _ name: String) throws {
            try AtomicFile.write(Data(text.utf8), to: folder.appendingPathComponent(name))
        }
        try put(config.text(pretty: true), "config.json")
        try put(tokenizer.tokenizer, "tokenizer.json")
        try put(tokenizer.config.text(pretty: true), "tokenizer_config.json")
        progress(1)
    }

    /// Undoes GGUF's row order of q and k. There the rows of a head are (half, 2), for RoPE on neighbouring pairs;
    /// Hugging Face pairs (i, i + half), so its rows are (2, half).
    package static func halfSplit(_ rows: [Float], heads: Int, headWidth: Int, columns: Int) -> [Float] {
        let half = headWidth / 2
        var out: [Float] = []
        out.reserveCapacity(rows.count)
        for head in 0..<heads {
            for part in 0..<2 {
                for i in 0..<half {
                    let row = head * headWidth + 2 * i + part
                    out.append(contentsOf: rows[row * columns..<(row + 1) * columns])
                }
            }
        }
        return out
    }
}
