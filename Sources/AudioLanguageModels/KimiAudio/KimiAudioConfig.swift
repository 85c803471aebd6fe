import Checkpoints

/// config.json of Kimi-Audio: a flat Qwen2 configuration with fields of its own. Nothing is left to defaults: those of the
/// published class are of another size.
public struct KimiAudioConfig: Sendable {
    public var decoder: DecoderConfig
    /// `kimia_token_offset`: ids from here on are speech codes.
    public var codeOffset: Int
    /// `kimia_adaptor_input_dim`: four rows of the Whisper encoder.
    public var adaptorInput: Int

    public init(_ config: JSONObject, tied: Bool) throws {
        _ = try config.string("model_type", oneOf: ["kimi_audio"])
        decoder = try DecoderConfig(config, defaults: .init(), tied: tied)
        codeOffset = try config.int("kimia_token_offset", in: 1...decoder.vocabularySize - 1)
        adaptorInput = try config.int("kimia_adaptor_input_dim", in: 4...65_536)
        guard try config.bool("use_whisper_feature", default: true) else {
            throw ModelError(
                "\(config.place): use_whisper_feature is false; only models that hear features are supported")
        }
    }
}
