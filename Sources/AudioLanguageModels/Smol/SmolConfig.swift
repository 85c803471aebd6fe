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
        let audio = try config.object("audio_config"), text = try config.object("text_config")
        encoder = WhisperEncoderConfig(
            melBins: try audio.int("num_mel_bins", in: 80...128), width: try audio.int("d_model", in: 8...8192),
            layers: try audio.int("encoder_layers", in: 1...128),
            heads: try audio.int("encoder_attention_heads", in: 1...128),
            feedForward: try audio.int("encoder_ffn_dim", in: 8...65_536),
            positions: try audio.int("max_source_positions", in: 4...100_000))
        guard encoder.melBins == 80 || encoder.melBins == 128 else {
            throw ModelError("\(audio.place): num_mel_bins is \(encoder.melBins), expected 80 or 128")
        }
        guard encoder.width % encoder.heads == 0 else {
            throw ModelError(
                "\(audio.place): d_model \(encoder.width) is not a multiple of encoder_attention_heads \(encoder.heads)"
            )
        }
        let width = try text.int("hidden_size", in: 8...65_536),
            heads = try text.int("num_attention_heads", in: 1...1024)
        let theta = try text.double("rope_theta", in: 1...1e12), eps = try text.double("rms_norm_eps", in: 0...0.1)
        decoder = DecoderConfig(
            hiddenSize: width, layers: try text.int("num_hidden_layers", in: 1...1000), heads: heads,
            keyValueHeads: try text.int("num_key_value_heads", in: 1...heads),
            headDimension: try text.int("head_dim", in: 2...1024, default: max(2, width / heads)),
            intermediateSize: try text.int("intermediate_size", in: 8...1_000_000),
            vocabularySize: try text.int("vocab_size", in: 8...10_000_000), rmsNormEps: Float(eps),
            ropeTheta: Float(theta), attentionBias: try text.bool("attention_bias", default: false), tied: true)
        guard heads % decoder.keyValueHeads == 0, decoder.headDimension % 2 == 0 else {
            throw ModelError(
                "\(text.place): \(heads) heads do not share \(decoder.keyValueHeads) key/value heads evenly")
        }
        audioToken = try config.string("audio_token")
    }
}
