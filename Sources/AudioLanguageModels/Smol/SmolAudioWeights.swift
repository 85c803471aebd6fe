import Checkpoints
import Foundation

/// The speech encoder's half of the conversion: CTranslate2's Whisper names to Hugging Face's.
struct SmolAudioWeights {
    private(set) var plan: [SmolTensor] = []
    private(set) var config: JSONValue = nil

    init(_ file: CTranslate2File) throws {
        guard file.specification == "WhisperSpec" else {
            throw CheckpointError("\(file.url.path) holds a \(file.specification): expected a WhisperSpec")
        }
        let stem = try file.info("encoder/conv1/weight").shape
        guard stem.count == 3, stem[2] == 3, stem[0] > 0 else {
            throw CheckpointError(
                "\(file.url.path): encoder/conv1/weight has shape \(stem), expected (width, bands, 3)")
        }
        let (width, bands) = (stem[0], stem[1])
        let positions = try file.info("encoder/position_encodings/encodings").shape.first ?? 0
        let inner = try file.info("encoder/layer_0/ffn/linear_0/weight").shape.first ?? 0
        let known = Set(file.names)
        var layers = 0
        while known.contains("encoder/layer_\(layers)/ffn/linear_0/weight") { layers += 1 }

        func add(_ name: String, _ stored: String, _ shape: [Int], part: Int? = nil) throws {
            let found = try file.info("encoder/\(stored)").shape
            var expected = shape
            if part != nil { expected[0] *= 3 }
            guard found == expected else {
                throw CheckpointError("\(file.url.path): encoder/\(stored) has shape \(found), expected \(expected)")
            }
            plan.append(
                SmolTensor(name: "audio_tower.\(name)", shape: shape) {
                    let values = try file.floats("encoder/\(stored)")
                    guard let part else { return values }
                    let size = values.count / 3  // query, key and value are stacked
                    return Array(values[part * size..<(part + 1) * size])
                })
        }
        func norm(_ name: String, _ stored: String) throws {
            try add("\(name).weight", "\(stored)/gamma", [width])
            try add("\(name).bias", "\(stored)/beta", [width])
        }
        func linear(_ name: String, _ stored: String, _ output: Int, _ input: Int) throws {
            try add("\(name).weight", "\(stored)/weight", [output, input])
            try add("\(name).bias", "\(stored)/bias", [output])
        }
        try add("conv1.weight", "conv1/weight", [width, bands, 3])
        try add("conv1.bias", "conv1/bias", [width])
        try add("conv2.weight", "conv2/weight", [width, width, 3])
        try add("conv2.bias", "conv2/bias", [width])
        try add("embed_positions.weight", "position_encodings/encodings", [positions, width])
        try norm("layer_norm", "layer_norm")
        for layer in 0..<layers {
            let to = "layers.\(layer)", from = "layer_\(layer)"
            let stacked = "\(from)/self_attention/linear_0"
            for (part, projection) in ["q_proj", "k_proj", "v_proj"].enumerated() {
                try add("\(to).self_attn.\(projection).weight", "\(stacked)/weight", [width, width], part: part)
                if projection != "k_proj" {
                    try add("\(to).self_attn.\(projection).bias", "\(stacked)/bias", [width], part: part)
                }
            }
            guard try file.floats("encoder/\(stacked)/bias")[width..<2 * width].allSatisfy({ $0 == 0 }) else {
                throw CheckpointError("\(file.url.path): \(stacked) has a bias on the keys; Whisper has none")
            }
            try linear("\(to).self_attn.out_proj", "\(from)/self_attention/linear_1", width, width)
            try norm("\(to).self_attn_layer_norm", "\(from)/self_attention/layer_norm")
            try linear("\(to).fc1", "\(from)/ffn/linear_0", inner, width)
            try linear("\(to).fc2", "\(from)/ffn/linear_1", width, inner)
            try norm("\(to).final_layer_norm", "\(from)/ffn/layer_norm")
        }
        config = [
            "model_type": "whisper", "num_mel_bins": .integer(bands), "d_model": .integer(width),
            "encoder_layers": .integer(layers), "encoder_ffn_dim": .integer(inner), "activation_function": "gelu",
            "encoder_attention_heads": .integer(try file.integer("encoder/num_heads")),
            "max_source_positions": .integer(positions),
        ]
    }
}
