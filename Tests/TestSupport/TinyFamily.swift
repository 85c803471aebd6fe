import AudioLanguageModels
import Checkpoints
import Foundation
import MLX
import Speech

/// A folder of a real family in the layout in which people download it, with tiny random weights: those of
/// scripts/golden/families.py, tensor by tensor. Change `config`, `tensors` or `specials` before `write` to get one that is wrong
/// on purpose.
public struct TinyFamily {
    public enum Kind: String, CaseIterable, Sendable {
        /// Variants a: f32, one file. Variants b: three heads, bf16, two shards; Omni's has no output head of its own, Voxtral's a
        /// tokenizer.json instead of a tekken.json.
        case qwen2AudioA, qwen2AudioB, omniA, omniB, voxtralA, voxtralB
        /// Three folders: the model, its Whisper, and the speech tokenizer.
        case kimi
        var isB: Bool { rawValue.hasSuffix("B") }
        var isQwen2Audio: Bool { rawValue.hasPrefix("qwen2Audio") }
        public var isVoxtral: Bool { rawValue.hasPrefix("voxtral") }
    }
    public let kind: Kind
    public var config: JSONValue = nil
    public var tensors: [String: MLXArray] = [:]
    /// Of Kimi-Audio's further folders, by name.
    public var others: [String: (config: JSONValue, tensors: [String: MLXArray])] = [:]
    public var specials = [
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>",
    ]

    /// heads, key/value heads, heads of the encoder.
    private var heads: (Int, Int, Int) {
        switch kind {
        case .voxtralA: (4, 2, 4)
        case .voxtralB: (3, 1, 4)
        case .qwen2AudioA: (4, 4, 4)
        case .qwen2AudioB: (3, 1, 4)
        case .omniA: (4, 2, 4)
        case .omniB: (3, 3, 2)
        case .kimi: (4, 2, 4)
        }
    }
    public static let audioToken = 256 + Self.merges.count + 3, vocabulary = 320

    public init(_ kind: Kind) {
        self.kind = kind
        if kind == .kimi {
            addKimi()
            return
        }
        let encoder = thinker + "audio_tower."
        if kind.isVoxtral { specials = Self.tekkenSpecials }
        addEncoder(encoder, feedForward: kind.isVoxtral ? 128 : 64)
        if kind.isVoxtral || kind.isQwen2Audio {
            add(encoder + "embed_positions", [1500, 32])
            add(encoder + "layer_norm", [32], bias: true)
            if kind.isVoxtral {
                add("multi_modal_projector.linear_1", [48, 128])
                add("multi_modal_projector.linear_2", [48, 48])
            } else {
                add("multi_modal_projector.linear", [48, 32], bias: true)
            }
            addDecoder("language_model.")
        } else {
            add(encoder + "ln_post", [32], bias: true)
            add(encoder + "proj", [48, 32], bias: true)
            add(encoder + "audio_bos_eos_token", [2, 48])
            addDecoder(thinker)
            for name in ["talker.model.norm", "token2wav.x", thinker + "visual.blocks.0.norm1"] where kind == .omniA {
                add(name, [8])
            }
        }
        config = written
    }

    private mutating func addEncoder(_ encoder: String, feedForward: Int = 64) {
        add(encoder + "conv1", [32, 128, 3], bias: true)
        add(encoder + "conv2", [32, 32, 3], bias: true)
        for l in 0..<2 {
            let layer = "\(encoder)layers.\(l)."
            for name in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                add(layer + "self_attn." + name, [32, 32], bias: name != "k_proj")
            }
            add(layer + "self_attn_layer_norm", [32], bias: true)
            add(layer + "fc1", [feedForward, 32], bias: true)
            add(layer + "fc2", [32, feedForward], bias: true)
            add(layer + "final_layer_norm", [32], bias: true)
        }
    }

    private mutating func addKimi() {
        let sizes: [String: JSONValue] = [
            "num_mel_bins": 128, "d_model": 32, "encoder_layers": 2, "encoder_ffn_dim": 64,
            "encoder_attention_heads": 4,
            "max_source_positions": 1500,
        ]
        addEncoder("model.encoder.")
        add("model.encoder.embed_positions", [1500, 32])
        add("model.encoder.layer_norm", [32], bias: true)
        others["whisper-large-v3"] = (.object(sizes.merging(["model_type": "whisper"]) { $1 }), tensors)
        tensors = [:]
        addEncoder("")
        add("embed_positions", [1500, 32])
        add("embed_positions2", [375, 32])
        add("codebook", [64, 32])
        let codes: [String: JSONValue] = [
            "model_type": "whisper", "quantize_position": 2, "pooling_position": 2, "pooling_kernel_size": 4,
            "pooling_type": "avg", "quantize_causal_block_size": 200, "quantize_vocab_size": 64,
            "encoder_causal_convolution": true, "encoder_causal_attention": false, "quantize_causal_encoder": false,
            "quantize_encoder_only": true,
        ]
        others["glm-4-voice-tokenizer"] = (.object(sizes.merging(codes) { $1 }), tensors)
        tensors = [:]
        addDecoder("")
        add("model.vq_adaptor.layers.0", [48, 128], bias: true)
        add("model.vq_adaptor.layers.3", [48, 48], bias: true)
        add("model.vq_adaptor.layers.4", [48], bias: true)
        add("model.mimo_norm", [48])
        add("mimo_output", [400, 48])
        config = [
            "model_type": "kimi_audio", "vocab_size": 400, "hidden_size": 48, "intermediate_size": 96,
            "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-6,
            "rope_theta": 1_000_000, "kimia_token_offset": 320, "kimia_adaptor_input_dim": 128,
            "use_whisper_feature": true, "kimia_mimo_layers": 1,
        ]
        specials = [
            "<|im_kimia_user_msg_start|>", "<|im_kimia_assistant_msg_start|>", "<|im_msg_end|>", "<|im_media_begin|>",
            "<|im_media_end|>", "<|im_kimia_text_blank|>", "<|im_kimia_text_eos|>", "<|im_kimia_speech_ct_id|>",
        ]
    }

    /// The whole model, or the thinker saved alone.
    private var thinker: String { kind == .omniA ? "thinker." : "" }

    private mutating func add(_ name: String, _ shape: [Int], bias: Bool = false) {
        for (suffix, shape) in [("weight", shape)] + (bias ? [("bias", [shape[0]])] : []) {
            // The reference was made of the thinker alone.
            let key = "\(name).\(suffix)".replacingOccurrences(of: "thinker.", with: "")
            let values = Self.weight(key, shape)
            tensors["\(name).\(suffix)"] = kind.isB ? values.asType(.bfloat16) : values
        }
    }

    private mutating func addDecoder(_ prefix: String) {
        let (heads, groups, _) = heads, width = headDimension, bias = !kind.isVoxtral
        let vocabulary = kind == .kimi ? 400 : Self.vocabulary
        add(prefix + "model.embed_tokens", [vocabulary, 48])
        for l in 0..<3 {
            let layer = "\(prefix)model.layers.\(l)."
            add(layer + "input_layernorm", [48])
            add(layer + "post_attention_layernorm", [48])
            add(layer + "self_attn.q_proj", [heads * width, 48], bias: bias)
            add(layer + "self_attn.k_proj", [groups * width, 48], bias: bias)
            add(layer + "self_attn.v_proj", [groups * width, 48], bias: bias)
            add(layer + "self_attn.o_proj", [48, heads * width])
            add(layer + "mlp.gate_proj", [96, 48])
            add(layer + "mlp.up_proj", [96, 48])
            add(layer + "mlp.down_proj", [48, 96])
        }
        add(prefix + "model.norm", [48])
        if kind != .omniB { add(prefix + "lm_head", [vocabulary, 48]) }
    }

    /// Voxtral's is not hidden / heads.
    private var headDimension: Int {
        switch kind {
        case .voxtralA: 16
        case .voxtralB: 8
        default: 48 / heads.0
        }
    }

    /// As in the hub's files: what is a class's default is left out, and RoPE is spelled in the older way.
    private var written: JSONValue {
        let (heads, groups, encoderHeads) = heads
        var audio: [String: JSONValue] = [
            "num_mel_bins": 128, "d_model": 32, "encoder_layers": 2, "encoder_ffn_dim": 64,
            "encoder_attention_heads": .integer(encoderHeads), "max_source_positions": 1500,
        ]
        var text: [String: JSONValue] = [
            "vocab_size": .integer(Self.vocabulary), "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 3,
            "num_attention_heads": .integer(heads), "num_key_value_heads": .integer(groups),
            "max_position_embeddings": 8192,
        ]
        if kind.isVoxtral {
            // The rest is the class's default.
            text.merge(["head_dim": .integer(headDimension), "model_type": "llama"]) { $1 }
            audio = [
                "hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 128, "num_mel_bins": 128,
                "num_attention_heads": .integer(encoderHeads), "max_source_positions": 1500,
            ]
            return [
                "model_type": "voxtral", "audio_token_id": .integer(Self.voxtralAudioToken),
                "audio_config": .object(audio), "text_config": .object(text), "projector_hidden_act": "gelu",
            ]
        }
        if kind.isQwen2Audio {
            text.merge(["rms_norm_eps": 1e-5, "rope_theta": 10_000]) { $1 }
            return [
                "model_type": "qwen2_audio", "audio_token_index": .integer(Self.audioToken),
                "audio_config": .object(audio),
                "text_config": .object(text),
            ]
        }
        audio.merge(["n_window": 100, "output_dim": 48]) { $1 }
        text["rms_norm_eps"] = 1e-6
        let sections: JSONValue = kind.isB ? [2, 3, 3] : [2, 2, 2]
        if kind.isB {
            text["rope_parameters"] = ["rope_theta": 1_000_000, "rope_type": "default", "mrope_section": sections]
        } else {
            text["rope_theta"] = 1_000_000
            text["rope_scaling"] = ["type": "default", "rope_type": "default", "mrope_section": sections]
        }
        let inner: [String: JSONValue] = [
            "audio_config": .object(audio), "text_config": .object(text), "vision_config": ["depth": 1],
            (kind.isB ? "audio_token_id" : "audio_token_index"): .integer(Self.audioToken),
            "vision_start_token_id": .integer(Self.vocabulary - 1),
        ]
        if kind.isB {
            return .object(inner.merging(["model_type": "qwen2_5_omni_thinker", "tie_word_embeddings": true]) { $1 })
        }
        return [
            "model_type": "qwen2_5_omni", "architectures": ["Qwen2_5OmniModel"], "thinker_config": .object(inner),
            "talker_config": ["depth": 1],
        ]
    }

    /// config.json, weights, tokenizer.
    public func write(to folder: URL) throws {
        func file(_ name: String) -> URL { folder.appendingPathComponent(name) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try AtomicFile.write(Data(config.text(pretty: true).utf8), to: file("config.json"))
        let all = tensors.sorted { $0.key < $1.key }.map { (name: $0.key, array: $0.value) }
        guard kind != .kimi else {
            try writeKimiTokenizer(to: folder)
            for (name, (config, tensors)) in others {
                let own = file(name)
                try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
                try AtomicFile.write(
                    Data(config.text(pretty: true).utf8), to: own.appendingPathComponent("config.json"))
                try Safetensors.write(
                    tensors.map { (name: $0.key, array: $0.value) }, to: own.appendingPathComponent("model.safetensors")
                )
            }
            return try Safetensors.write(all, to: file("model.safetensors"))
        }
        let tokenizer = kind == .voxtralA ? ("tekken.json", tekken) : ("tokenizer.json", self.tokenizer)
        try AtomicFile.write(Data(tokenizer.1.utf8), to: file(tokenizer.0))
        if kind == .qwen2AudioA {
            try AtomicFile.write(
                Data(#"{"chat_template": "written out in code"}"#.utf8), to: file("tokenizer_config.json"))
        }
        guard kind.isB else { return try Safetensors.write(all, to: file("model.safetensors")) }
        var map: [String: JSONValue] = [:]
        for (i, part) in [all.prefix(all.count / 2), all.dropFirst(all.count / 2)].enumerated() {
            let name = "model-0000\(i + 1)-of-00002.safetensors"
            try Safetensors.write(Array(part), to: file(name))
            for tensor in part { map[tensor.name] = .string(name) }
        }
        let index: JSONValue = ["metadata": ["total_size": 0], "weight_map": .object(map)]
        try AtomicFile.write(Data(index.text(pretty: true).utf8), to: file("model.safetensors.index.json"))
    }

    /// Written to `folder` and loaded as `--model` would.
    public static func load(_ kind: Kind, in folder: URL) throws -> any AudioLanguageModel {
        let own = folder.appendingPathComponent(kind.rawValue, isDirectory: true)
        if !FileManager.default.fileExists(atPath: own.path) { try TinyFamily(kind).write(to: own) }
        return try ModelRegistry.load(own.path)
    }

    /// Ranks of the bytes alone, and the special tokens from 300 on.
    private func writeKimiTokenizer(to folder: URL) throws {
        let ranks = (0..<256).map { "\(Data([UInt8($0)]).base64EncodedString()) \($0)\n" }.joined()
        try AtomicFile.write(Data(ranks.utf8), to: folder.appendingPathComponent("tiktoken.model"))
        let added = specials.enumerated().map { i, name in
            ("\(300 + i)", ["content": .string(name), "special": true] as JSONValue)
        }
        let listed: JSONValue = ["added_tokens_decoder": .object(Dictionary(uniqueKeysWithValues: added))]
        try AtomicFile.write(Data(listed.text().utf8), to: folder.appendingPathComponent("tokenizer_config.json"))
    }

    // MARK: The formula shared with the script

    /// Nearly normal values: FNV-1a of the name, SplitMix64 of that plus the index, four 16-bit parts added up.
    static func noise(_ name: String, _ count: Int) -> [Double] {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        return (0..<UInt64(count)).map { i in
            var z = hash &+ (i + 1) &* 0x9E37_79B9_7F4A_7C15
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            z ^= z >> 31
            let total = (0..<4).reduce(0) { $0 + Int(z >> (16 * UInt64($1)) & 0xFFFF) }
            return Double(total - 131_070) * (3.0.squareRoot() / 65_536)
        }
    }

    static func weight(_ name: String, _ shape: [Int]) -> MLXArray {
        let scale = shape.count > 1 ? 0.3 : 0.2
        let one = ["norm.weight", "ln_post.weight", "layernorm.weight"].contains(where: name.hasSuffix) ? 1.0 : 0
        return MLXArray(noise(name, shape.reduce(1, *)).map { Float(one + scale * $0) }, shape)
    }

    /// A rising tone with noise, 16 kHz.
    public static func waveform(_ seconds: Double) -> Waveform {
        let count = Int((seconds * 16_000).rounded()), noise = noise("waveform", count)
        return Waveform(
            samples: (0..<count).map { i in
                let t = Double(i) / 16_000
                return Float(0.4 * sin(2 * Double.pi * (180 + 90 * t) * t) + 0.02 * noise[i])
            }, sampleRate: 16_000)
    }

    // MARK: The tokenizer

    static let merges = [
        "Ġ t", "h e", "Ġt he", "i n", "e r", "a n", "o n", "r e", "Ġ a", "s t", "e n", "o u", "in g", "Ġ s", "Ġ w",
        "a t", "i s", "o r", "e s", "n d", "Ġa nd", "Ġ y", "Ġy ou", "l l", "h a", "t o", "Ġ to", "a r", "l e", "v e",
    ]

    /// The 256 byte pieces, then merges: the whole of tokenizer.json's vocabulary without the special tokens.
    static var pieces: [String] {
        let plain = Set(33...126).union(161...172).union(174...255)
        var shifted = 256, pieces: [String] = []
        for byte in 0..<256 {
            let scalar = plain.contains(byte) ? byte : shifted
            if !plain.contains(byte) { shifted += 1 }
            pieces.append(String(UnicodeScalar(UInt32(scalar)).map(Character.init) ?? " "))
        }
        return pieces + merges.map { $0.filter { $0 != " " } }
    }

    public static let voxtralAudioToken = 7
    static let tekkenSpecials = [
        "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[AUDIO]", "[BEGIN_AUDIO]",
    ]
    /// Ids that Tekken's file keeps for special tokens, one of them without a name.
    static let reserved = tekkenSpecials.count + 1
    static let tekkenPattern =
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// The same pieces in Mistral's layout, and one more that its stated size leaves out.
    private var tekken: String {
        let letters = Dictionary(uniqueKeysWithValues: Self.pieces[..<256].enumerated().map { ($1, UInt8($0)) })
        let tokens = (Self.pieces + ["zz"]).map { Data($0.compactMap { letters[String($0)] }).base64EncodedString() }
        let vocabulary: [JSONValue] = tokens.enumerated().map {
            ["rank": .integer($0), "token_bytes": .string($1), "token_str": nil]
        }
        let added: [JSONValue] = specials.enumerated().map {
            ["rank": .integer($0), "token_str": .string($1), "is_control": true]
        }
        let file: JSONValue = [
            "config": [
                "pattern": .string(Self.tekkenPattern), "num_vocab_tokens": .integer(tokens.count),
                "default_vocab_size": .integer(Self.reserved + Self.pieces.count),
                "default_num_special_tokens": .integer(Self.reserved), "version": "v7",
            ], "vocab": .array(vocabulary), "special_tokens": .array(added),
        ]
        return file.text()
    }

    private var tokenizer: String {
        func lines(_ items: [String]) -> String { items.joined(separator: ",\n") }
        let pieces = Self.pieces
        let reserved = kind.isVoxtral ? Self.reserved : 0, first = kind.isVoxtral ? 0 : pieces.count
        // Mistral's special tokens come first, and stand in the vocabulary as well.
        let vocabulary =
            (kind.isVoxtral ? specials.enumerated().map { "\(JSONValue.quoted($1)): \($0)" } : [])
            + pieces.enumerated().map { "\(JSONValue.quoted($1)): \(reserved + $0)" }
        let added = specials.enumerated().map {
            "{\"id\": \(first + $0), \"content\": \(JSONValue.quoted($1)), \"special\": true, \"normalized\": false}"
        }
        let qwen =
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        let pattern = kind.isVoxtral ? Self.tekkenPattern : qwen
        return """
            {"version": "1.0", "added_tokens": [\(lines(added))], "normalizer": \(kind.isVoxtral ? "null" : "{\"type\": \"NFC\"}"),
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": \(JSONValue.quoted(pattern))}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}]},
            "model": {"type": "BPE", "ignore_merges": \(kind.isVoxtral), "vocab": {\(lines(vocabulary))}, "merges": [\(lines(Self.merges.map(JSONValue.quoted)))]}}
            """
    }
}
