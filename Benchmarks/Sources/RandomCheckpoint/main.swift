// A random checkpoint in the shape and layout of a published model, bf16 in shards: for memory and time where the real weights
// are not at hand. It hears and says nothing.
//
//     swift run -c release --package-path Benchmarks RandomCheckpoint qwen2-audio-7b|qwen2.5-omni-3b|qwen2.5-omni-7b FOLDER [LAYERS]
//
// LAYERS: decoder layers other than the model's, for points between.
import Checkpoints
import Foundation
import MLX

struct Shape {
    var type: String
    var width: Int, layers: Int, heads: Int, groups: Int, inner: Int, vocabulary: Int, eps: Double, theta: Int
}
let shapes = [
    "qwen2-audio-7b": Shape(
        type: "qwen2_audio", width: 4096, layers: 32, heads: 32, groups: 32, inner: 11_008, vocabulary: 156_032,
        eps: 1e-5,
        theta: 10_000),
    "qwen2.5-omni-7b": Shape(
        type: "qwen2_5_omni", width: 3584, layers: 28, heads: 28, groups: 4, inner: 18_944, vocabulary: 152_064,
        eps: 1e-6,
        theta: 1_000_000),
    "qwen2.5-omni-3b": Shape(
        type: "qwen2_5_omni", width: 2048, layers: 36, heads: 16, groups: 2, inner: 11_008, vocabulary: 151_936,
        eps: 1e-6,
        theta: 1_000_000),
]
let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count >= 2, var shape = shapes[arguments[0]] else {
    print("expected \(shapes.keys.sorted().joined(separator: " | ")) and a folder")
    exit(2)
}
if arguments.count > 2, let layers = Int(arguments[2]) { shape.layers = layers }
let folder = URL(fileURLWithPath: arguments[1], isDirectory: true)
let omni = shape.type == "qwen2_5_omni", width = shape.width, head = width / shape.heads

var tensors: [(name: String, info: TensorInfo)] = []
@MainActor func add(_ name: String, _ shape: [Int], bias: Bool = false) {
    tensors.append((name + ".weight", TensorInfo(type: .bf16, shape: shape)))
    if bias { tensors.append((name + ".bias", TensorInfo(type: .bf16, shape: [shape[0]]))) }
}
let tower = omni ? "thinker.audio_tower." : "audio_tower.", text = omni ? "thinker." : "language_model."
add(tower + "conv1", [1280, 128, 3], bias: true)
add(tower + "conv2", [1280, 1280, 3], bias: true)
for l in 0..<32 {
    let layer = "\(tower)layers.\(l)."
    for name in ["q_proj", "k_proj", "v_proj", "out_proj"] {
        add("\(layer)self_attn.\(name)", [1280, 1280], bias: name != "k_proj")
    }
    for name in ["self_attn_layer_norm", "final_layer_norm"] { add(layer + name, [1280], bias: true) }
    add(layer + "fc1", [5120, 1280], bias: true)
    add(layer + "fc2", [1280, 5120], bias: true)
}
if omni {
    add(tower + "ln_post", [1280], bias: true)
    add(tower + "proj", [width, 1280], bias: true)
    add(tower + "audio_bos_eos_token", [2, width])
} else {
    add(tower + "embed_positions", [1500, 1280])
    add(tower + "layer_norm", [1280], bias: true)
    add("multi_modal_projector.linear", [width, 1280], bias: true)
}
add(text + "model.embed_tokens", [shape.vocabulary, width])
for l in 0..<shape.layers {
    let layer = "\(text)model.layers.\(l)."
    for name in ["input_layernorm", "post_attention_layernorm"] { add(layer + name, [width]) }
    add(layer + "self_attn.q_proj", [shape.heads * head, width], bias: true)
    add(layer + "self_attn.k_proj", [shape.groups * head, width], bias: true)
    add(layer + "self_attn.v_proj", [shape.groups * head, width], bias: true)
    add(layer + "self_attn.o_proj", [width, shape.heads * head])
    add(layer + "mlp.gate_proj", [shape.inner, width])
    add(layer + "mlp.up_proj", [shape.inner, width])
    add(layer + "mlp.down_proj", [width, shape.inner])
}
add(text + "model.norm", [width])
add(text + "lm_head", [shape.vocabulary, width])

/// Normal values in bf16, scaled so that activations keep their size; one block over and over.
@MainActor func values(_ info: TensorInfo, _ name: String) throws -> Data {
    let norm = info.shape.count == 1 && name.hasSuffix("weight"), fan = info.shape.dropFirst().reduce(1, *)
    let scale = info.shape.count == 1 ? 0.01 : 1 / Float(fan).squareRoot()
    let normal = MLXArray.normal([min(info.count, 1 << 20)], scale: scale, seed: UInt64(fan)) + (norm ? 1 : 0)
    let block = try normal.asType(.bfloat16).rawData()
    var data = Data(capacity: info.count * 2)
    while data.count < info.count * 2 { data.append(block.prefix(min(block.count, info.count * 2 - data.count))) }
    return data
}

try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
var shards: [[(name: String, info: TensorInfo)]] = [[]], room = 4 << 30
for tensor in tensors {
    if room < tensor.info.count * 2 { shards.append([]); room = 4 << 30 }
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
    print(name)
}
@MainActor func write(_ value: JSONValue, _ name: String) throws {
    try AtomicFile.write(Data(value.text().utf8), to: folder.appendingPathComponent(name))
}
try write(["weight_map": .object(map)], "model.safetensors.index.json")
let audioConfig: JSONValue = [
    "num_mel_bins": 128, "d_model": 1280, "encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120,
    "max_source_positions": 1500, "n_window": 100, "output_dim": .integer(width),
]
let textConfig: JSONValue = [
    "hidden_size": .integer(width), "num_hidden_layers": .integer(shape.layers),
    "num_attention_heads": .integer(shape.heads),
    "num_key_value_heads": .integer(shape.groups), "intermediate_size": .integer(shape.inner),
    "vocab_size": .integer(shape.vocabulary), "rms_norm_eps": .number(shape.eps), "rope_theta": .integer(shape.theta),
]
let inner: JSONValue = ["audio_config": audioConfig, "text_config": textConfig, "audio_token_index": 151_646]
if omni {
    try write(["model_type": "qwen2_5_omni", "thinker_config": inner], "config.json")
} else {
    try write(
        [
            "model_type": "qwen2_audio", "audio_config": audioConfig, "text_config": textConfig,
            "audio_token_index": 151_646,
        ], "config.json")
}
try write(["chat_template": "instruct"], "tokenizer_config.json")

// Bytes and the special tokens: prompts are a few times longer in tokens than the real ones.
let plain = Set(33...126).union(161...172).union(174...255)
var shifted = 256, vocabulary: [String: JSONValue] = [:]
for byte in 0..<256 {
    if let scalar = UnicodeScalar(UInt32(plain.contains(byte) ? byte : shifted)) {
        vocabulary[String(scalar)] = .integer(byte)
    }
    if !plain.contains(byte) { shifted += 1 }
}
let specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"]
let added = specials.enumerated().map { i, content -> JSONValue in
    ["id": .integer(151_643 + i), "content": .string(content), "special": true, "normalized": false]
}
let qwen =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
let split: JSONValue = [
    "type": "Split", "pattern": ["Regex": .string(qwen)], "behavior": "Isolated", "invert": false,
]
let bytes: JSONValue = ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false]
try write(
    [
        "version": "1.0", "added_tokens": .array(added), "normalizer": ["type": "NFC"],
        "pre_tokenizer": ["type": "Sequence", "pretokenizers": [split, bytes]],
        "model": ["type": "BPE", "vocab": .object(vocabulary), "merges": []],
    ], "tokenizer.json")
