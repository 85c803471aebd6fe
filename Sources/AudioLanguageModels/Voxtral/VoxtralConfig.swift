import Checkpoints
import Speech

/// config.json of Voxtral (HF VoxtralConfig).
public struct VoxtralConfig: Sendable {
    public var encoder: WhisperEncoderConfig
    public var decoder: DecoderConfig
    /// Rows of the encoder that make one position: as many as give the encoder's `intermediate_size`, which HF uses for it.
    public var stack: Int
    public var audioToken: (id: Int, place: String)?

    /// - Parameter tied: whether the folder holds no head of its own.
    public init(_ config: JSONObject, tied: Bool) throws {
        _ = try config.string("model_type", oneOf: ["voxtral"])
        let audio = try config.object("audio_config"), text = try config.object("text_config")
        encoder = try WhisperEncoderConfig(audio)
        // The class fills up a text_config with Voxtral Mini's numbers, and LlamaConfig's for the rest.
        decoder = try DecoderConfig(
            text,
            defaults: .init(
                hiddenSize: 3072, layers: 30, heads: 32, keyValueHeads: 8, headDimension: 128, intermediateSize: 8192,
                vocabularySize: 131_072, rmsNormEps: 1e-5, ropeTheta: 1e8, attentionBias: false), tied: tied)
        stack = encoder.feedForward / encoder.width
        audioToken = try config.audioToken()
        // Silence is added, and mel frames are counted, in whole seconds.
        guard encoder.positions % 50 == 0, encoder.positions <= 50 * AudioLimits.maximumSeconds else {
            throw ModelError(
                "\(audio.place): max_source_positions is \(encoder.positions), expected a multiple of 50 and at most "
                    + "\(50 * AudioLimits.maximumSeconds)")
        }
        guard stack * encoder.width == encoder.feedForward, encoder.positions % stack == 0 else {
            throw ModelError(
                "\(audio.place): intermediate_size \(encoder.feedForward) is no whole number of rows of \(encoder.width) that "
                    + "divides max_source_positions \(encoder.positions)")
        }
        for key in ["attention_bias", "mlp_bias"] where try text.bool(key, default: false) {
            throw ModelError("\(text.place): \(key) is true, expected false")
        }
        let activation = try config.string("projector_hidden_act", default: "gelu")
        guard activation == "gelu" else {
            throw ModelError("\(config.place): projector_hidden_act is \(activation), expected gelu")
        }
    }

    /// Positions of the prompt that a chunk takes, however little of it is sound: 375.
    public var positionsPerChunk: Int { encoder.positions / stack }
    /// Mel frames of a chunk: 3000, which are 30 s.
    public var framesPerChunk: Int { 2 * encoder.positions }
}
