import Checkpoints
import Foundation
import MLX

/// A Whisper of tiny random weights in Hugging Face's layout: those of scripts/golden/whisper_decoder.py, tensor by tensor.
public enum TinyWhisper {
    public static let end = 286, width = 48

    /// As a set-up one: with a manifest.
    public static func write(to folder: URL) throws {
        try AtomicDirectory.write(to: folder) { folder in
            var tensors: [String: MLXArray] = [:]
            func add(_ name: String, _ shape: [Int], bias: Bool = true) {
                tensors["\(name).weight"] = TinyFamily.weight("\(name).weight", shape)
                if bias { tensors["\(name).bias"] = TinyFamily.weight("\(name).bias", [shape[0]]) }
            }
            func layer(_ prefix: String, attentions: [String], inner: Int) {
                for attention in attentions {
                    for name in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                        add("\(prefix)\(attention).\(name)", [width, width], bias: name != "k_proj")
                    }
                    add("\(prefix)\(attention)_layer_norm", [width])
                }
                add("\(prefix)fc1", [inner, width])
                add("\(prefix)fc2", [width, inner])
                add("\(prefix)final_layer_norm", [width])
            }
            add("model.encoder.conv1", [width, 80, 3])
            add("model.encoder.conv2", [width, width, 3])
            add("model.encoder.embed_positions", [1500, width], bias: false)
            add("model.encoder.layer_norm", [width])
            for i in 0..<2 { layer("model.encoder.layers.\(i).", attentions: ["self_attn"], inner: 96) }
            add("model.decoder.embed_tokens", [TinyFamily.vocabulary, width], bias: false)
            add("model.decoder.embed_positions", [448, width], bias: false)
            add("model.decoder.layer_norm", [width])
            for i in 0..<3 {
                layer("model.decoder.layers.\(i).", attentions: ["self_attn", "encoder_attn"], inner: 64)
            }
            try Safetensors.write(
                tensors.map { ($0.key, $0.value) }, to: folder.appendingPathComponent("model.safetensors"))
            let config: JSONValue = [
                "model_type": "whisper", "vocab_size": .integer(TinyFamily.vocabulary), "num_mel_bins": 80,
                "d_model": .integer(width), "encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 96,
                "decoder_layers": 3, "decoder_attention_heads": 6, "decoder_ffn_dim": 64, "max_source_positions": 1500,
                "max_target_positions": 448,
            ]
            let rules: JSONValue = [
                "suppress_tokens": [1, 2, 7, 60, 61], "begin_suppress_tokens": [32, .integer(end)],
            ]
            for (text, name) in [
                (config.text(), "config.json"), (rules.text(), "generation_config.json"), (tokenizer, "tokenizer.json"),
            ] { try AtomicFile.write(Data(text.utf8), to: folder.appendingPathComponent(name)) }
        }
    }

    private static var tokenizer: String {
        let pieces = TinyFamily.pieces
        let vocabulary = pieces.enumerated().map { "\(JSONValue.quoted($1)): \($0)" }.joined(separator: ", ")
        let added = ["<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"].enumerated().map {
            "{\"id\": \(pieces.count + $0), \"content\": \"\($1)\", \"special\": true, \"normalized\": false}"
        }.joined(separator: ", ")
        return """
            {"version": "1.0", "added_tokens": [\(added)], "normalizer": null,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
            "model": {"type": "BPE", "vocab": {\(vocabulary)}, "merges": [\(TinyFamily.merges.map(JSONValue.quoted).joined(separator: ", "))]}}
            """
    }
}
