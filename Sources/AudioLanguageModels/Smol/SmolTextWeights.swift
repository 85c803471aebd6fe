import Checkpoints
import Foundation

/// The language model's half of the conversion: GGUF's llama names to Hugging Face's.
struct SmolTextWeights {
    private(set) var plan: [ConvertedTensor] = []
    private(set) var config: JSONValue = nil

    init(_ gguf: GGUFFile) throws {
        let metadata = SmolMetadata(gguf)
        guard try metadata.string("general.architecture") == "llama" else {
            throw CheckpointError("\(gguf.url.path): expected the llama architecture")
        }
        let layers = try metadata.int("llama.block_count", in: 1...1000)
        let width = try metadata.int("llama.embedding_length", in: 1...65_536)
        let inner = try metadata.int("llama.feed_forward_length", in: 1...1_000_000)
        let heads = try metadata.int("llama.attention.head_count", in: 1...1024)
        let groups = try metadata.int("llama.attention.head_count_kv", in: 1...heads)
        let headWidth = width / heads
        guard width % heads == 0, heads % groups == 0, headWidth % 2 == 0,
            try metadata.int("llama.rope.dimension_count", in: 1...65_536) == headWidth
        else { throw CheckpointError("\(gguf.url.path): \(heads)/\(groups) heads do not fit the width \(width)") }
        guard !gguf.names.contains("output.weight") else {
            throw CheckpointError("\(gguf.url.path) has an output.weight: expected tied embeddings")
        }
        let vocabulary = try gguf.info("token_embd.weight").shape.first ?? 0
        guard vocabulary > 0 else { throw CheckpointError("\(gguf.url.path): token_embd.weight has no rows") }

        func add(_ name: String, _ stored: String, _ shape: [Int], heads: Int? = nil) throws {
            let found = try gguf.info(stored).shape
            guard found == shape else {
                throw CheckpointError("\(gguf.url.path): \(stored) has shape \(found), expected \(shape)")
            }
            plan.append(
                ConvertedTensor(name: name, shape: shape) {
                    let values = try gguf.floats(stored)
                    guard let heads else { return values }
                    return SmolConversion.halfSplit(values, heads: heads, headWidth: headWidth, columns: width)
                })
        }
        try add("model.embed_tokens.weight", "token_embd.weight", [vocabulary, width])
        try add("model.norm.weight", "output_norm.weight", [width])
        for layer in 0..<layers {
            let to = "model.layers.\(layer).", from = "blk.\(layer)."
            try add(to + "input_layernorm.weight", from + "attn_norm.weight", [width])
            try add(to + "post_attention_layernorm.weight", from + "ffn_norm.weight", [width])
            try add(to + "self_attn.q_proj.weight", from + "attn_q.weight", [width, width], heads: heads)
            try add(to + "self_attn.k_proj.weight", from + "attn_k.weight", [groups * headWidth, width], heads: groups)
            try add(to + "self_attn.v_proj.weight", from + "attn_v.weight", [groups * headWidth, width])
            try add(to + "self_attn.o_proj.weight", from + "attn_output.weight", [width, width])
            try add(to + "mlp.gate_proj.weight", from + "ffn_gate.weight", [inner, width])
            try add(to + "mlp.up_proj.weight", from + "ffn_up.weight", [inner, width])
            try add(to + "mlp.down_proj.weight", from + "ffn_down.weight", [width, inner])
        }
        guard plan.count == gguf.names.count else {
            throw CheckpointError("\(gguf.url.path) has \(gguf.names.count) tensors, expected \(plan.count)")
        }
        config = [
            "model_type": "llama", "num_hidden_layers": .integer(layers), "hidden_size": .integer(width),
            "intermediate_size": .integer(inner), "num_attention_heads": .integer(heads),
            "num_key_value_heads": .integer(groups), "head_dim": .integer(headWidth), "hidden_act": "silu",
            "vocab_size": .integer(vocabulary), "attention_bias": false, "mlp_bias": false,
            "max_position_embeddings": .integer(try metadata.int("llama.context_length", in: 1...100_000_000)),
            "rms_norm_eps": .number(try metadata.decimal("llama.attention.layer_norm_rms_epsilon")),
            "rope_theta": .number(try metadata.decimal("llama.rope.freq_base")), "tie_word_embeddings": true,
            "bos_token_id": .integer(try metadata.int("tokenizer.ggml.bos_token_id", in: 0...vocabulary - 1)),
            "eos_token_id": .integer(try metadata.int("tokenizer.ggml.eos_token_id", in: 0...vocabulary - 1)),
            "pad_token_id": .integer(try metadata.int("tokenizer.ggml.padding_token_id", in: 0...vocabulary - 1)),
        ]
    }
}

/// Typed access to GGUF metadata, with errors that name file and key.
struct SmolMetadata {
    private let gguf: GGUFFile
    init(_ gguf: GGUFFile) { self.gguf = gguf }

    private func wrong(_ key: String, _ expected: String) -> CheckpointError {
        CheckpointError("\(gguf.url.path): the key \(key) is missing or is not \(expected)")
    }

    func string(_ key: String) throws -> String {
        guard case .string(let text) = gguf.metadata[key] else { throw wrong(key, "a text") }
        return text
    }

    func int(_ key: String, in range: ClosedRange<Int>) throws -> Int {
        guard case .integer(let value) = gguf.metadata[key], range.contains(value) else {
            throw wrong(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// The shortest decimal of an f32: 1e-5, not 9.99999974e-6.
    func decimal(_ key: String) throws -> Double {
        guard case .number(let value) = gguf.metadata[key], value > 0, let short = Double("\(Float(value))"),
            short.isFinite
        else { throw wrong(key, "a positive number") }
        return short
    }

    func strings(_ key: String) throws -> [String] {
        guard case .strings(let list) = gguf.metadata[key] else { throw wrong(key, "a list of texts") }
        return list
    }

    func integers(_ key: String) throws -> [Int] {
        guard case .integers(let list) = gguf.metadata[key] else { throw wrong(key, "a list of whole numbers") }
        return list
    }
}
