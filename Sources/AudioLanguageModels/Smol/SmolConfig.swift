import Checkpoints
import Foundation

/// config.json of a `resurface_smol` folder: a Whisper encoder, a Llama decoder, and how they meet.
public struct SmolConfig: Sendable {
    public var encoder: WhisperEncoderConfig
    public var decoder: DecoderConfig
    /// The special token that stands at audio positions.
    public var audioToken: String

    public init(_ config: JSONObject) throws {
        _ = try config.string("model_type", oneOf: ["resurface_smol"])
        encoder = try WhisperEncoderConfig(config.object("audio_config"))
        decoder = try DecoderConfig(
            config.object("text_config"), defaults: .init(attentionBias: false), tied: true)
        audioToken = try config.string("audio_token")
    }
}
