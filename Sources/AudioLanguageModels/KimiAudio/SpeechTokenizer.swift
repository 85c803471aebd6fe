import Checkpoints
import Foundation
import MLX
import MLXNN
import Speech

/// Speech to the discrete codes that Kimi-Audio reads, 12.5 a second: a Whisper encoder cut off after its 16th block,
/// whose states, averaged over 80 ms, are replaced by the number of the nearest row of a codebook.
///
/// Follows GLM-4-Voice's speech_tokenizer/{utils,modeling_whisper}.py, as Kimi-Audio's glm4_tokenizer.py calls it, in f32.
/// The second table of positions on disk, `embed_positions2`, is added to the codebook rows that replace the states; no
/// code depends on it. Unverified: the codes of the real weights, which were not at hand.
///
/// ```swift
/// let tokenizer = try SpeechTokenizer(folder: URL(fileURLWithPath: "glm-4-voice-tokenizer"))
/// let codes = try tokenizer.codes(of: speech)  // one for every 1280 samples begun
/// ```
public final class SpeechTokenizer {
    public let config: SpeechTokenizerConfig
    /// SHA-256 over configuration and weights.
    public let weightsHash: String
    private let encoder: WhisperVQEncoder
    private let logMel: LogMel

    /// Samples at 16 kHz to one code: 1280 in the published tokenizer.
    public var samplesPerCode: Int { samplesPerRow * config.poolingKernel }
    private let samplesPerRow = 160 * SpeechTokenizerConfig.framesPerRow

    /// Loads a folder in Hugging Face's layout: config.json with model.safetensors or shards. Tensors that the codes do not
    /// need are skipped: later blocks, a decoder, the moving averages of the training.
    ///
    /// Throws `CheckpointError` or ``ModelError``: which field or tensor, expected, found.
    public init(folder: URL) throws {
        let files = try HFFolder(folder)
        config = try SpeechTokenizerConfig(files.config)
        logMel = try LogMel(bins: config.encoder.melBins)
        encoder = WhisperVQEncoder(config)
        try encoder.load(files)
        weightsHash = try files.contentHash()
    }

    /// The codes of a clip of 16 kHz, ceil(samples / `samplesPerCode`), each in 0 ..< `codebookSize`.
    ///
    /// Segments of 30 s are heard one by one. A shorter clip is padded with zeros to whole codes. The last segment of a
    /// longer one is padded to 30 s, as the reference does by taking the segments as one batch: a frame at the edge of the
    /// padding may be the spectrum's loudest, and no mel is lower than that frame's - 8. Padding rows count in a code's
    /// mean.
    ///
    /// Throws ``ModelError`` for no samples, more than 600 s, another rate, or a sample that is not finite.
    public func codes(of waveform: Waveform) throws -> [Int32] {
        guard waveform.sampleRate == LogMel.sampleRate else {
            throw ModelError("a clip of \(waveform.sampleRate) Hz; the speech tokenizer hears 16000 Hz: resample it")
        }
        let count = waveform.samples.count, segment = SpeechTokenizerConfig.segmentSeconds * LogMel.sampleRate
        guard count > 0 else { throw ModelError("0 samples: there is nothing to hear in this clip") }
        guard count <= AudioLimits.maximumSeconds * LogMel.sampleRate else {
            throw ModelError(
                "the clip lasts \(Int(waveform.seconds.rounded())) s; at most \(AudioLimits.maximumSeconds) s are heard: "
                    + "cut it")
        }
        if let bad = waveform.samples.firstIndex(where: { !$0.isFinite }) {
            throw ModelError("sample \(bad) of the clip is \(waveform.samples[bad]); finite samples are needed")
        }
        return try stride(from: 0, to: count, by: segment).flatMap { start in
            let part = Array(waveform.samples[start..<min(start + segment, count)])
            let valid = wholes(part.count, samplesPerCode)
            let length = count > segment ? segment : valid * samplesPerCode
            return try encoder.nearest(states(of: part, paddedTo: length).pooled).asInt32Array().prefix(valid)
        }
    }

    /// What the codes of one segment of at most 30 s are made from, padding rows included: after the convolutions and
    /// positions, and after each block, [1, rows, width]; and the pooled states [rows / `poolingKernel`, width].
    /// `length`: samples with padding, a multiple of `samplesPerCode`.
    package func states(of segment: [Float], paddedTo length: Int) throws -> (rows: [MLXArray], pooled: MLXArray) {
        let zeros = [Float](repeating: 0, count: max(0, length - segment.count))
        let mel = try logMel(Waveform(samples: segment + zeros, sampleRate: LogMel.sampleRate))
        return encoder(MLXArray(mel.values, [1, mel.frames, mel.bins]), valid: wholes(segment.count, samplesPerRow))
    }

    private func wholes(_ count: Int, _ size: Int) -> Int { (count + size - 1) / size }
}
