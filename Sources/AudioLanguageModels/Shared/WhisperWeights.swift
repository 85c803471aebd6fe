import Checkpoints
import MLX

/// CTranslate2's Whisper names to Hugging Face's: what is to be read, and what config.json says of it.
struct WhisperWeights {
    private(set) var plan: [ConvertedTensor] = []
    private let file: CTranslate2File
    private let width: Int, bands: Int

    init(_ file: CTranslate2File) throws {
        guard file.specification == "WhisperSpec" else {
            throw CheckpointError("\(file.url.path) holds a \(file.specification): expected a WhisperSpec")
        }
        let stem = try file.info("encoder/conv1/weight").shape
        guard stem.count == 3, stem[2] == 3, stem[0] > 0 else {
            throw CheckpointError(
                "\(file.url.path): encoder/conv1/weight has shape \(stem), expected (width, bands, 3)")
        }
        self.file = file
        (width, bands) = (stem[0], stem[1])
    }

    /// Plans the encoder under names that begin with `prefix`, and returns its fields of config.json.
    mutating func addEncoder(named prefix: String) throws -> [String: JSONValue] {
        let (positions, inner, layers) = try sizes("encoder")
        try add("\(prefix)conv1.weight", "encoder/conv1/weight", [width, bands, 3])
        try add("\(prefix)conv1.bias", "encoder/conv1/bias", [width])
        try add("\(prefix)conv2.weight", "encoder/conv2/weight", [width, width, 3])
        try add("\(prefix)conv2.bias", "encoder/conv2/bias", [width])
        try add("\(prefix)embed_positions.weight", "encoder/position_encodings/encodings", [positions, width])
        try norm("\(prefix)layer_norm", "encoder/layer_norm")
        for layer in 0..<layers {
            let to = "\(prefix)layers.\(layer).", from = "encoder/layer_\(layer)/"
            try projections(["q_proj", "k_proj", "v_proj"], "\(to)self_attn.", "\(from)self_attention/linear_0")
            try linear("\(to)self_attn.out_proj", "\(from)self_attention/linear_1", width, width)
            try norm("\(to)self_attn_layer_norm", "\(from)self_attention/layer_norm")
            try feedForward(to, "\(from)ffn", inner)
        }
        return [
            "model_type": "whisper", "num_mel_bins": .integer(bands), "d_model": .integer(width),
            "encoder_layers": .integer(layers), "encoder_ffn_dim": .integer(inner), "activation_function": "gelu",
            "encoder_attention_heads": .integer(try file.integer("encoder/num_heads")),
            "max_source_positions": .integer(positions),
        ]
    }

    /// The same for the decoder; its output head is the embedding table.
    mutating func addDecoder(named prefix: String) throws -> [String: JSONValue] {
        let (positions, inner, layers) = try sizes("decoder")
        let vocabulary = try file.info("decoder/embeddings/weight").shape.first ?? 0
        try add("\(prefix)embed_tokens.weight", "decoder/embeddings/weight", [vocabulary, width])
        try add("\(prefix)embed_positions.weight", "decoder/position_encodings/encodings", [positions, width])
        try norm("\(prefix)layer_norm", "decoder/layer_norm")
        for layer in 0..<layers {
            let to = "\(prefix)layers.\(layer).", from = "decoder/layer_\(layer)/"
            try projections(["q_proj", "k_proj", "v_proj"], "\(to)self_attn.", "\(from)self_attention/linear_0")
            try linear("\(to)self_attn.out_proj", "\(from)self_attention/linear_1", width, width)
            try norm("\(to)self_attn_layer_norm", "\(from)self_attention/layer_norm")
            try projections(["q_proj"], "\(to)encoder_attn.", "\(from)attention/linear_0")
            try projections(["k_proj", "v_proj"], "\(to)encoder_attn.", "\(from)attention/linear_1")
            try linear("\(to)encoder_attn.out_proj", "\(from)attention/linear_2", width, width)
            try norm("\(to)encoder_attn_layer_norm", "\(from)attention/layer_norm")
            try feedForward(to, "\(from)ffn", inner)
        }
        return [
            "vocab_size": .integer(vocabulary), "decoder_layers": .integer(layers), "decoder_ffn_dim": .integer(inner),
            "decoder_attention_heads": .integer(try file.integer("decoder/num_heads")),
            "max_target_positions": .integer(positions),
        ]
    }

    /// Positions, width of the feed-forward layers, number of blocks.
    private func sizes(_ half: String) throws -> (Int, Int, Int) {
        let known = Set(file.names)
        var layers = 0
        while known.contains("\(half)/layer_\(layers)/ffn/linear_0/weight") { layers += 1 }
        return (
            try file.info("\(half)/position_encodings/encodings").shape.first ?? 0,
            try file.info("\(half)/layer_0/ffn/linear_0/weight").shape.first ?? 0, layers
        )
    }

    /// - Parameter part: which of how many equal parts of the stored rows.
    private mutating func add(_ name: String, _ stored: String, _ shape: [Int], part: (Int, of: Int) = (0, 1)) throws {
        let file = file, found = try file.info(stored).shape
        var expected = shape
        expected[0] *= part.of
        guard found == expected else {
            throw CheckpointError("\(file.url.path): \(stored) has shape \(found), expected \(expected)")
        }
        plan.append(
            ConvertedTensor(name: name, shape: shape) {
                let values = try file.floats(stored)
                let size = values.count / part.of
                return Array(values[part.0 * size..<(part.0 + 1) * size])
            })
    }

    private mutating func norm(_ name: String, _ stored: String) throws {
        try add("\(name).weight", "\(stored)/gamma", [width])
        try add("\(name).bias", "\(stored)/beta", [width])
    }

    private mutating func linear(_ name: String, _ stored: String, _ output: Int, _ input: Int) throws {
        try add("\(name).weight", "\(stored)/weight", [output, input])
        try add("\(name).bias", "\(stored)/bias", [output])
    }

    /// Projections that are stacked in one stored matrix. Whisper's keys have no bias, the stored file a zero one.
    private mutating func projections(_ names: [String], _ prefix: String, _ stored: String) throws {
        for (i, name) in names.enumerated() {
            let part = (i, of: names.count)
            try add("\(prefix)\(name).weight", "\(stored)/weight", [width, width], part: part)
            guard name == "k_proj" else {
                try add("\(prefix)\(name).bias", "\(stored)/bias", [width], part: part)
                continue
            }
            let bias = try file.floats("\(stored)/bias")
            guard bias.count == width * names.count, bias[i * width..<(i + 1) * width].allSatisfy({ $0 == 0 }) else {
                throw CheckpointError("\(file.url.path): \(stored) has a bias on the keys; Whisper has none")
            }
        }
    }

    private mutating func feedForward(_ prefix: String, _ stored: String, _ inner: Int) throws {
        try linear("\(prefix)fc1", "\(stored)/linear_0", inner, width)
        try linear("\(prefix)fc2", "\(stored)/linear_1", width, inner)
        try norm("\(prefix)final_layer_norm", "\(stored)/layer_norm")
    }
}

/// One tensor to be written: its Hugging Face name and shape, and how to read it.
struct ConvertedTensor {
    var name: String
    var shape: [Int]
    var read: () throws -> [Float]

    /// The values, read now, as f32.
    func array() throws -> MLXArray {
        let values = try read()
        guard shape.reduce(1, *) == values.count else {
            throw CheckpointError("\(name): \(values.count) values for shape \(shape)")
        }
        return try values.withUnsafeBytes { try MLXArray(rawBytes: $0, shape: shape, dtype: .float32) }
    }
}
