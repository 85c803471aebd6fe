import Checkpoints

/// config.json of the speech tokenizer whose codes Kimi-Audio reads ("glm-4-voice-tokenizer", a `WhisperVQEncoder`).
///
/// Meanings follow GLM-4-Voice's speech_tokenizer/{configuration,modeling}_whisper.py. The published file says: 128 bins,
/// width 1280, 20 heads, ffn 5120, 1500 positions, quantisation after block 16 of 32, pooling 4, blocks of 200 rows,
/// 16384 codes. `model_type` is plain "whisper" there, so it is not looked at.
public struct SpeechTokenizerConfig: Sendable, Equatable {
    /// Frames of 10 ms to one row of the encoder: the second convolution's stride.
    static let framesPerRow = 2
    /// The length in seconds of the segments that are heard one by one.
    static let segmentSeconds = 30
    static let segmentRows = 1500

    /// The encoder; `layers` counts only the blocks before the quantisation (`quantize_position`).
    public var encoder: WhisperEncoderConfig
    /// Whether both convolutions see the past only, by two zero frames on the left instead of one on each side.
    public var causalConvolution: Bool
    /// Rows of 20 ms that see each other in attention, and everything before them (`quantize_causal_block_size`).
    public var blockSize: Int
    /// Rows whose mean is one code's state (`pooling_kernel_size`).
    public var poolingKernel: Int
    /// Codes (`quantize_vocab_size`).
    public var codebookSize: Int

    /// Throws `CheckpointError` or ``ModelError``, which name the field, for a missing or absurd number, and for what no
    /// published tokenizer has: pooling elsewhere than at the quantisation, maximum pooling, fully causal attention.
    public init(_ config: JSONObject) throws {
        encoder = WhisperEncoderConfig(
            melBins: try config.int("num_mel_bins", in: 80...128), width: try config.int("d_model", in: 8...8192),
            layers: try config.int("quantize_position", in: 1...128),
            heads: try config.int("encoder_attention_heads", in: 1...128),
            feedForward: try config.int("encoder_ffn_dim", in: 8...65_536),
            positions: try config.int("max_source_positions", in: Self.segmentRows...100_000))
        causalConvolution = try config.bool("encoder_causal_convolution")
        blockSize = try config.int("quantize_causal_block_size", in: 1...100_000)
        poolingKernel = try config.int("pooling_kernel_size", in: 1...100)
        codebookSize = try config.int("quantize_vocab_size", in: 1...10_000_000)
        let poolingPosition = try config.int("pooling_position", in: 1...128)
        _ = try config.string("pooling_type", oneOf: ["avg"])
        _ = try config.string("activation_function", oneOf: ["gelu"], default: "gelu")
        try encoder.check(config.place)
        guard Self.segmentRows % poolingKernel == 0 else {
            throw ModelError(
                "\(config.place): pooling_kernel_size \(poolingKernel) does not divide the \(Self.segmentRows) rows of a "
                    + "segment")
        }
        guard poolingPosition == encoder.layers else {
            throw ModelError(
                "\(config.place): pooling_position is \(poolingPosition), expected quantize_position, \(encoder.layers)"
            )
        }
        for field in ["encoder_causal_attention", "quantize_causal_encoder"] {
            guard try !config.bool(field, default: false) else {
                throw ModelError("\(config.place): \(field) is true, expected false: attention is causal by blocks")
            }
        }
    }
}
