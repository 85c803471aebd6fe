import Foundation

/// The embedded model's two files with sizes of a few numbers, put together field by field.
enum TinyFiles {
    private static func little<T: FixedWidthInteger>(_ value: T) -> Data {
        withUnsafeBytes(of: value.littleEndian) { Data($0) }
    }

    private static func counting(_ count: Int) -> Data {
        (0..<count).reduce(Data()) { $0 + little(Float($1).bitPattern) }
    }

    /// Whisper of width 2, 5 bands, one layer of one head, f32. Its decoder, where wanted, has three tokens.
    static func encoder(keyBias: Float = 0, withDecoder: Bool = false) -> Data {
        func text(_ value: String) -> Data { little(UInt16(value.utf8.count + 1)) + Data(value.utf8) + Data([0]) }
        var variables: [(String, [Int], Data)] = []
        func add(_ name: String, _ shape: [Int]) {
            let half = name.hasPrefix("decoder/") ? "" : "encoder/"
            variables.append((half + name, shape, counting(shape.reduce(1, *))))
        }
        add("conv1/weight", [2, 5, 3])
        add("conv1/bias", [2])
        add("conv2/weight", [2, 2, 3])
        add("conv2/bias", [2])
        add("position_encodings/encodings", [4, 2])
        for name in ["layer_norm", "layer_0/self_attention/layer_norm", "layer_0/ffn/layer_norm"] {
            add("\(name)/gamma", [2])
            add("\(name)/beta", [2])
        }
        add("layer_0/self_attention/linear_0/weight", [6, 2])
        let bias = [6, 7, keyBias, 0, 8, 9].reduce(Data()) { $0 + little($1.bitPattern) }
        variables.append(("encoder/layer_0/self_attention/linear_0/bias", [6], bias))
        add("layer_0/self_attention/linear_1/weight", [2, 2])
        add("layer_0/self_attention/linear_1/bias", [2])
        add("layer_0/ffn/linear_0/weight", [8, 2])
        add("layer_0/ffn/linear_0/bias", [8])
        add("layer_0/ffn/linear_1/weight", [2, 8])
        add("layer_0/ffn/linear_1/bias", [2])
        if withDecoder {
            add("decoder/embeddings/weight", [3, 2])
            add("decoder/position_encodings/encodings", [4, 2])
            add("decoder/layer_norm/gamma", [2])
            add("decoder/layer_norm/beta", [2])
            for name in ["self_attention", "attention", "ffn"] {
                add("decoder/layer_0/\(name)/layer_norm/gamma", [2])
                add("decoder/layer_0/\(name)/layer_norm/beta", [2])
            }
            add("decoder/layer_0/self_attention/linear_0/weight", [6, 2])
            variables.append(("decoder/layer_0/self_attention/linear_0/bias", [6], bias))
            add("decoder/layer_0/attention/linear_1/weight", [4, 2])
            variables.append(("decoder/layer_0/attention/linear_1/bias", [4], Data(bias.dropFirst(8))))
            for name in ["self_attention/linear_1", "attention/linear_0", "attention/linear_2"] {
                add("decoder/layer_0/\(name)/weight", [2, 2])
                add("decoder/layer_0/\(name)/bias", [2])
            }
            add("decoder/layer_0/ffn/linear_0/weight", [8, 2])
            add("decoder/layer_0/ffn/linear_0/bias", [8])
            add("decoder/layer_0/ffn/linear_1/weight", [2, 8])
            add("decoder/layer_0/ffn/linear_1/bias", [2])
        }
        let heads = withDecoder ? ["encoder/num_heads", "decoder/num_heads"] : ["encoder/num_heads"]
        var file = little(UInt32(6)) + text("WhisperSpec") + little(UInt32(3))
        file += little(UInt32(variables.count + heads.count))
        for (name, shape, data) in variables {
            file += text(name) + Data([UInt8(shape.count)])
            for dimension in shape { file += little(UInt32(dimension)) }
            file += Data([0]) + little(UInt32(data.count)) + data
        }
        for name in heads { file += text(name) + Data([0, 2]) + little(UInt32(2)) + little(Int16(1)) }
        return file + little(UInt32(0))
    }

    /// A llama of width 8, two heads of four, one layer, four tokens, f32.
    static func languageModel(architecture: String = "llama", heads: UInt32 = 2) -> Data {
        func text(_ value: String) -> Data { little(UInt64(value.utf8.count)) + Data(value.utf8) }
        var pairs: [Data] = []
        func string(_ key: String, _ value: String) { pairs.append(text(key) + little(UInt32(8)) + text(value)) }
        func int(_ key: String, _ value: UInt32) { pairs.append(text(key) + little(UInt32(4)) + little(value)) }
        func number(_ key: String, _ value: Float) {
            pairs.append(text(key) + little(UInt32(6)) + little(value.bitPattern))
        }
        func strings(_ key: String, _ values: [String]) {
            let head = text(key) + little(UInt32(9)) + little(UInt32(8)) + little(UInt64(values.count))
            pairs.append(values.reduce(head) { $0 + text($1) })
        }
        string("general.architecture", architecture)
        int("llama.block_count", 1)
        int("llama.embedding_length", 8)
        int("llama.feed_forward_length", 3)
        int("llama.attention.head_count", heads)
        int("llama.attention.head_count_kv", 1)
        int("llama.rope.dimension_count", 4)
        int("llama.context_length", 32)
        number("llama.attention.layer_norm_rms_epsilon", 1e-5)
        number("llama.rope.freq_base", 100_000)
        string("tokenizer.ggml.model", "gpt2")
        string("tokenizer.ggml.pre", "smollm")
        string("tokenizer.chat_template", "{{ messages }}")
        strings("tokenizer.ggml.tokens", ["<|end|>", "<empty_output>", "a", "b\""])
        strings("tokenizer.ggml.merges", ["a b"])
        let types = text("tokenizer.ggml.token_type") + little(UInt32(9)) + little(UInt32(5)) + little(UInt64(4))
        pairs.append([Int32(3), 3, 1, 1].reduce(types) { $0 + little($1) })
        for key in ["bos", "eos", "unknown", "padding"] { int("tokenizer.ggml.\(key)_token_id", 0) }

        let shapes: [(String, [Int])] = [
            ("token_embd", [4, 8]), ("output_norm", [8]), ("blk.0.attn_norm", [8]), ("blk.0.ffn_norm", [8]),
            ("blk.0.attn_q", [8, 8]), ("blk.0.attn_k", [4, 8]), ("blk.0.attn_v", [4, 8]),
            ("blk.0.attn_output", [8, 8]),
            ("blk.0.ffn_gate", [3, 8]), ("blk.0.ffn_up", [3, 8]), ("blk.0.ffn_down", [8, 3]),
        ]
        var tensors = Data(), data = Data()
        for (name, shape) in shapes {
            tensors += text(name + ".weight") + little(UInt32(shape.count))
            for dimension in shape.reversed() { tensors += little(UInt64(dimension)) }
            tensors += little(UInt32(0)) + little(UInt64(data.count))
            data += counting(shape.reduce(1, *))
            data += Data(repeating: 0, count: (32 - data.count % 32) % 32)
        }
        var file = Data("GGUF".utf8) + little(UInt32(3)) + little(UInt64(shapes.count)) + little(UInt64(pairs.count))
        for pair in pairs { file += pair }
        file += tensors
        file += Data(repeating: 0, count: (32 - file.count % 32) % 32)
        return file + data
    }
}
