/// How many positions a clip takes in the Qwen families (HF `_get_feat_extract_output_lengths`).
enum AudioTokens {
    /// Rows after the second convolution, of `frames` valid mel frames.
    static func rows(frames: Int) -> Int { frames > 0 ? (frames - 1) / 2 + 1 : 0 }
    /// Positions after pooling in twos: 0 for less than 3 frames. (Division is to round down, which Swift's does for these.)
    static func count(frames: Int) -> Int { rows(frames: frames) / 2 }
    /// - Throws: `ModelError` for a clip too short to be heard.
    static func check(frames: Int) throws {
        guard count(frames: frames) > 0 else {
            throw ModelError("the clip is too short: expected at least 321 samples (0.02 s) at 16 kHz")
        }
    }
}
