import Checkpoints

extension WhisperEncoderConfig {
    /// `audio_config`, or the config.json of a Whisper folder. Fields that are left out are whisper-large-v3's, as in HF's
    /// classes (Qwen2AudioEncoderConfig, Qwen2_5OmniAudioEncoderConfig).
    public init(_ audio: JSONObject) throws {
        melBins = try audio.int("num_mel_bins", in: 80...128, default: 128)
        // Voxtral's class writes the names that decoders have, and reads both.
        func name(_ own: String, _ general: String) -> String { !audio.has(own) && audio.has(general) ? general : own }
        width = try audio.int(name("d_model", "hidden_size"), in: 8...8192, default: 1280)
        layers = try audio.int(name("encoder_layers", "num_hidden_layers"), in: 1...128, default: 32)
        heads = try audio.int(name("encoder_attention_heads", "num_attention_heads"), in: 1...128, default: 20)
        feedForward = try audio.int(name("encoder_ffn_dim", "intermediate_size"), in: 8...65_536, default: 5120)
        positions = try audio.int("max_source_positions", in: 4...100_000, default: 1500)
        try check(audio.place)
        let activation = try audio.string("activation_function", default: "gelu")
        guard activation == "gelu" else {
            throw ModelError("\(audio.place): activation_function is \(activation), expected gelu")
        }
    }

    /// What the numbers must be to each other. `place`: of the configuration, for errors.
    func check(_ place: String) throws {
        guard melBins == 80 || melBins == 128 else {
            throw ModelError("\(place): num_mel_bins is \(melBins), expected 80 or 128")
        }
        guard width % heads == 0 else {
            throw ModelError("\(place): d_model \(width) is not a multiple of encoder_attention_heads \(heads)")
        }
    }
}

extension DecoderConfig {
    /// What a configuration may leave out, because its class has it as a default.
    struct Defaults {
        var hiddenSize: Int?, layers: Int?, heads: Int?, keyValueHeads: Int?
        var headDimension: Int?, intermediateSize: Int?, vocabularySize: Int?
        var rmsNormEps: Double?, ropeTheta: Double?
        var attentionBias = true
    }

    /// `text_config`, or a flat config.json, of a Llama or Qwen2 type decoder.
    ///
    /// - Parameter tied: whether the folder holds no lm_head. `tie_word_embeddings` is not asked: HF 5 writes its default
    ///   where the head is not tied.
    init(_ text: JSONObject, defaults: Defaults, tied: Bool) throws {
        hiddenSize = try text.int("hidden_size", in: 8...65_536, default: defaults.hiddenSize)
        layers = try text.int("num_hidden_layers", in: 1...1000, default: defaults.layers)
        heads = try text.int("num_attention_heads", in: 1...1024, default: defaults.heads)
        keyValueHeads = try text.int("num_key_value_heads", in: 1...heads, default: defaults.keyValueHeads ?? heads)
        headDimension = try text.int(
            "head_dim", in: 2...1024, default: defaults.headDimension ?? max(2, hiddenSize / heads))
        intermediateSize = try text.int("intermediate_size", in: 8...1_000_000, default: defaults.intermediateSize)
        vocabularySize = try text.int("vocab_size", in: 8...10_000_000, default: defaults.vocabularySize)
        rmsNormEps = Float(try text.double("rms_norm_eps", in: 0...0.1, default: defaults.rmsNormEps))
        ropeTheta = Float(try Self.ropeTheta(text, default: defaults.ropeTheta))
        attentionBias = try text.bool("attention_bias", default: defaults.attentionBias)
        self.tied = tied
        guard headDimension % 2 == 0 else {
            throw ModelError(
                "\(text.place): head_dim is \(headDimension), expected an even number: positions turn pairs")
        }
        guard heads % keyValueHeads == 0 else {
            throw ModelError("\(text.place): \(heads) heads do not share \(keyValueHeads) key/value heads evenly")
        }
        let activation = try text.string("hidden_act", default: "silu")
        guard activation == "silu" else {
            throw ModelError("\(text.place): hidden_act is \(activation), expected silu")
        }
    }

    /// `rope_theta` with `rope_scaling` (the hub's files), or both in `rope_parameters` (HF 5). Any type but the plain one
    /// is refused. `mrope_section` is not: without images its three rows of positions are one.
    private static func ropeTheta(_ text: JSONObject, default fallback: Double?) throws -> Double {
        let rope = try text.optionalObject("rope_parameters")
        for place in [rope, try text.optionalObject("rope_scaling")].compactMap({ $0 }) {
            for key in ["rope_type", "type"] {
                let type = try place.string(key, default: "default")
                guard type == "default" || type == "mrope" else {
                    throw ModelError("\(place.place): \(key) is \(type), expected default")
                }
            }
        }
        if let rope, rope.has("rope_theta") { return try rope.double("rope_theta", in: 1...1e12) }
        return try text.double("rope_theta", in: 1...1e12, default: fallback)
    }
}
