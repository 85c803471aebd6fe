// A random checkpoint in the shape and layout of a published model, bf16 in shards: for memory and time where the real weights
// are not at hand. It hears and says nothing.
//
//     swift run -c release --package-path Benchmarks RandomCheckpoint \
//         qwen2-audio-7b|qwen2.5-omni-3b|qwen2.5-omni-7b|kimi-audio-7b FOLDER [LAYERS]
//
// LAYERS: decoder layers other than the model's, for points between. Parts that are skipped on load are not written: vision, talker,
// token2wav, Kimi-Audio's branch that speaks.
import Checkpoints
import Foundation

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count >= 2, var shape = Shape.known[arguments[0]] else {
    print("expected \(Shape.known.keys.sorted().joined(separator: " | ")) and a folder")
    exit(2)
}
if arguments.count > 2, let layers = Int(arguments[2]) { shape.layers = layers }
let folder = URL(fileURLWithPath: arguments[1], isDirectory: true)
let width = JSONValue.integer(shape.width)

/// Of Whisper large-v3's size in every family.
let audioConfig: [String: JSONValue] = [
    "num_mel_bins": 128, "d_model": 1280, "encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120,
    "max_source_positions": 1500,
]
let textConfig: [String: JSONValue] = [
    "hidden_size": width, "num_hidden_layers": .integer(shape.layers), "num_attention_heads": .integer(shape.heads),
    "num_key_value_heads": .integer(shape.groups), "intermediate_size": .integer(shape.inner),
    "vocab_size": .integer(shape.vocabulary), "rms_norm_eps": .number(shape.eps), "rope_theta": .integer(shape.theta),
]

var model = CheckpointWriter(folder)
switch shape.family {
case .qwen2Audio:
    model.addEncoder("audio_tower.", layers: 32)
    model.add("audio_tower.embed_positions", [1500, 1280])
    model.add("audio_tower.layer_norm", [1280], bias: true)
    model.add("multi_modal_projector.linear", [shape.width, 1280], bias: true)
    model.addDecoder("language_model.", shape)
    try model.write(config: [
        "model_type": "qwen2_audio", "audio_config": .object(audioConfig), "text_config": .object(textConfig),
        "audio_token_index": 151_646,
    ])
    try writeQwenTokenizer(to: folder)
case .qwen25Omni:
    model.addEncoder("thinker.audio_tower.", layers: 32)
    model.add("thinker.audio_tower.ln_post", [1280], bias: true)
    model.add("thinker.audio_tower.proj", [shape.width, 1280], bias: true)
    model.add("thinker.audio_tower.audio_bos_eos_token", [2, shape.width])
    model.addDecoder("thinker.", shape)
    let audio = audioConfig.merging(["n_window": 100, "output_dim": width]) { $1 }
    let thinker: JSONValue = [
        "audio_config": .object(audio), "text_config": .object(textConfig), "audio_token_index": 151_646,
    ]
    try model.write(config: ["model_type": "qwen2_5_omni", "thinker_config": thinker])
    try writeQwenTokenizer(to: folder)
case .kimiAudio:
    model.add("model.vq_adaptor.layers.0", [shape.width, 5120], bias: true)
    model.add("model.vq_adaptor.layers.3", [shape.width, shape.width], bias: true)
    model.add("model.vq_adaptor.layers.4", [shape.width], bias: true)
    model.addDecoder("", shape)
    let own: [String: JSONValue] = [
        "model_type": "kimi_audio", "kimia_token_offset": 152_064, "kimia_adaptor_input_dim": 5120,
        "use_whisper_feature": true,
    ]
    try model.write(config: .object(textConfig.merging(own) { $1 }))
    try writeKimiTokenizer(to: folder)

    var whisper = CheckpointWriter(folder.appendingPathComponent("whisper-large-v3", isDirectory: true))
    whisper.addEncoder("model.encoder.", layers: 32)
    whisper.add("model.encoder.embed_positions", [1500, 1280])
    whisper.add("model.encoder.layer_norm", [1280], bias: true)
    try whisper.write(config: .object(audioConfig.merging(["model_type": "whisper"]) { $1 }))

    // The first 16 blocks; the published file ends there too.
    var speech = CheckpointWriter(folder.appendingPathComponent("glm-4-voice-tokenizer", isDirectory: true))
    speech.addEncoder("", layers: 16)
    speech.add("embed_positions", [1500, 1280])
    speech.add("embed_positions2", [375, 1280])
    speech.add("codebook", [16_384, 1280])
    let codes: [String: JSONValue] = [
        "model_type": "whisper", "quantize_position": 16, "pooling_position": 16, "pooling_kernel_size": 4,
        "pooling_type": "avg", "quantize_causal_block_size": 200, "quantize_vocab_size": 16_384,
        "encoder_causal_convolution": true, "encoder_causal_attention": false, "quantize_causal_encoder": false,
    ]
    try speech.write(config: .object(audioConfig.merging(codes) { $1 }))
}
