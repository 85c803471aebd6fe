import Checkpoints

/// The thinker's part of the config.json of Qwen2.5-Omni (HF Qwen2_5OmniThinkerConfig).
public struct Qwen25OmniConfig: Sendable {
    public var encoder: WhisperEncoderConfig
    public var decoder: DecoderConfig
    /// Half of the mel frames that are heard together: the encoder works in blocks of 2 x nWindow.
    public var nWindow: Int
    /// What the encoder's last layer gives: the decoder's width.
    public var outputDimension: Int
    public var audioToken: (id: Int, place: String)?

    /// - Parameters:
    ///   - config: of the whole model, or of a thinker saved alone.
    ///   - tied: whether the folder holds no head of its own.
    public init(_ config: JSONObject, tied: Bool) throws {
        let type = try config.string("model_type", oneOf: ["qwen2_5_omni", "qwen2_5_omni_thinker"])
        let thinker = type == "qwen2_5_omni" ? try config.object("thinker_config") : config
        let audio = try thinker.object("audio_config")
        encoder = try WhisperEncoderConfig(audio)
        decoder = try DecoderConfig(thinker.object("text_config"), defaults: .init(), tied: tied)
        nWindow = try audio.int("n_window", in: 1...1500, default: 100)
        outputDimension = try audio.int("output_dim", in: 8...65_536, default: 3584)
        audioToken = try thinker.audioToken()
        guard encoder.width.isMultiple(of: 2) else {
            throw ModelError(
                "\(audio.place): d_model is \(encoder.width), expected an even number: half of it are sines")
        }
        guard outputDimension == decoder.hiddenSize else {
            throw ModelError(
                "\(audio.place): output_dim is \(outputDimension), but hidden_size of the text_config \(decoder.hiddenSize)"
            )
        }
        // One block's rows after the convolutions. The table of positions is computed, not stored.
        guard nWindow <= encoder.positions else {
            throw ModelError(
                "\(audio.place): n_window is \(nWindow), more than max_source_positions \(encoder.positions)")
        }
    }
}
