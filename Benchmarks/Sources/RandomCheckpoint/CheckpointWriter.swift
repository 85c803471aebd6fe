import Checkpoints
import Foundation
import MLX

/// Collects tensors, then writes them with random values into a folder in Hugging Face's layout.
struct CheckpointWriter {
    private let folder: URL
    private var tensors: [(name: String, info: TensorInfo)] = []
    private static let shardBytes = 4 << 30

    init(_ folder: URL) { self.folder = folder }

    mutating func add(_ name: String, _ shape: [Int], bias: Bool = false) {
        tensors.append((name + ".weight", TensorInfo(type: .bf16, shape: shape)))
        if bias { tensors.append((name + ".bias", TensorInfo(type: .bf16, shape: [shape[0]]))) }
    }

    /// Convolutions and blocks of Whisper large-v3's encoder.
    mutating func addEncoder(_ prefix: String, layers: Int) {
        add(prefix + "conv1", [1280, 128, 3], bias: true)
        add(prefix + "conv2", [1280, 1280, 3], bias: true)
        for l in 0..<layers {
            let layer = "\(prefix)layers.\(l)."
            for name in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                add("\(layer)self_attn.\(name)", [1280, 1280], bias: name != "k_proj")
            }
            for name in ["self_attn_layer_norm", "final_layer_norm"] { add(layer + name, [1280], bias: true) }
            add(layer + "fc1", [5120, 1280], bias: true)
            add(layer + "fc2", [1280, 5120], bias: true)
        }
    }

    mutating func addDecoder(_ prefix: String, _ shape: Shape) {
        let width = shape.width, head = width / shape.heads
        add(prefix + "model.embed_tokens", [shape.vocabulary, width])
        for l in 0..<shape.layers {
            let layer = "\(prefix)model.layers.\(l)."
            for name in ["input_layernorm", "post_attention_layernorm"] { add(layer + name, [width]) }
            add(layer + "self_attn.q_proj", [shape.heads * head, width], bias: true)
            add(layer + "self_attn.k_proj", [shape.groups * head, width], bias: true)
            add(layer + "self_attn.v_proj", [shape.groups * head, width], bias: true)
            add(layer + "self_attn.o_proj", [width, shape.heads * head])
            add(layer + "mlp.gate_proj", [shape.inner, width])
            add(layer + "mlp.up_proj", [shape.inner, width])
            add(layer + "mlp.down_proj", [width, shape.inner])
        }
        add(prefix + "model.norm", [width])
        add(prefix + "lm_head", [shape.vocabulary, width])
    }

    /// Shards with their index, and config.json.
    func write(config: JSONValue) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var shards: [[(name: String, info: TensorInfo)]] = [[]], room = Self.shardBytes
        for tensor in tensors {
            if room < tensor.info.count * 2 { shards.append([]); room = Self.shardBytes }
            room -= tensor.info.count * 2
            shards[shards.count - 1].append(tensor)
        }
        var map: [String: JSONValue] = [:]
        for (i, shard) in shards.enumerated() {
            let name = String(format: "model-%05d-of-%05d.safetensors", i + 1, shards.count)
            let infos = Dictionary(uniqueKeysWithValues: shard.map { ($0.name, $0.info) })
            try Safetensors.write(shard, metadata: ["format": "pt"], to: folder.appendingPathComponent(name)) {
                guard let info = infos[$0] else { return Data() }
                return try values(info, $0)
            }
            for tensor in shard { map[tensor.name] = .string(name) }
            print("\(folder.lastPathComponent)/\(name)")
        }
        let index: JSONValue = ["weight_map": .object(map)]
        try AtomicFile.write(Data(index.text().utf8), to: folder.appendingPathComponent(HFFolder.indexName))
        try AtomicFile.write(Data(config.text().utf8), to: folder.appendingPathComponent("config.json"))
    }

    /// Normal values in bf16, scaled so that activations keep their size; one block over and over.
    private func values(_ info: TensorInfo, _ name: String) throws -> Data {
        let norm = info.shape.count == 1 && name.hasSuffix("weight"), fan = info.shape.dropFirst().reduce(1, *)
        let scale = info.shape.count == 1 ? 0.01 : 1 / Float(fan).squareRoot()
        let normal = MLXArray.normal([min(info.count, 1 << 20)], scale: scale, seed: UInt64(fan)) + (norm ? 1 : 0)
        let block = try normal.asType(.bfloat16).rawData()
        var data = Data(capacity: info.count * 2)
        while data.count < info.count * 2 { data.append(block.prefix(min(block.count, info.count * 2 - data.count))) }
        return data
    }
}
