import Checkpoints

/// config.json of Qwen2-Audio (HF Qwen2AudioConfig).
public struct Qwen2AudioConfig: Sendable {
    public var encoder: WhisperEncoderConfig
    public var decoder: DecoderConfig
    /// `audio_token_index`, with the place that says so.
    public var audioToken: (id: Int, place: String)?

    /// - Parameter tied: whether the folder holds no head of its own.
    public init(_ config: JSONObject, tied: Bool) throws {
        _ = try config.string("model_type", oneOf: ["qwen2_audio"])
        encoder = try WhisperEncoderConfig(config.object("audio_config"))
        // The hub's file leaves out what is Qwen2Config's default.
        decoder = try DecoderConfig(
            config.object("text_config"),
            defaults: .init(hiddenSize: 4096, layers: 32, heads: 32, keyValueHeads: 32), tied: tied)
        audioToken = try config.audioToken()
    }
}

extension JSONObject {
    /// The id of the audio placeholder, under its older or newer name.
    func audioToken() throws -> (id: Int, place: String)? {
        for key in ["audio_token_index", "audio_token_id"] where has(key) {
            return (try int(key, in: 0...Int(Int32.max)), "\(place): \(key)")
        }
        return nil
    }
}
