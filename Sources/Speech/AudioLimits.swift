/// What a clip may be at most. Checked against real sizes before memory is taken, and named in the error text.
public enum AudioLimits {
    /// Longest clip, in seconds at its own rate.
    public static let maximumSeconds = 600
    /// Most channels; they are averaged to one.
    public static let maximumChannels = 8
    /// Most memory the decoded samples of all channels may take, as 32-bit floats: 256 MiB.
    public static let maximumDecodedBytes = 256 << 20
    /// Sample rates that are read, in Hz. Below it is no speech, above it is no microphone.
    public static let sampleRates = 1000...192_000
    /// Largest compressed file, in bytes.
    public static let maximumCompressedBytes = 256 << 20
    /// Floats may exceed full scale a little (18 dB); beyond that they are not samples in -1...1 but another unit.
    public static let maximumAmplitude: Float = 8

    /// Refuses a rate or channel count outside the limits. `source` is the file's name for the error.
    static func check(sampleRate: Int, channels: Int, source: String) throws {
        guard channels >= 1 else {
            throw SpeechError(
                "\(source): 0 channels; expected 1...\(maximumChannels). Record or convert the clip again.")
        }
        guard channels <= maximumChannels else {
            throw SpeechError(
                "\(source): \(channels) channels; at most \(maximumChannels) are read. Mix it down to mono first.")
        }
        guard sampleRates.contains(sampleRate) else {
            throw SpeechError(
                "\(source): sample rate \(sampleRate) Hz; expected \(sampleRates.lowerBound)..."
                    + "\(sampleRates.upperBound) Hz. Resample the clip, 16000 Hz is what the models hear.")
        }
    }

    /// Refuses more frames than the limits on time and memory allow.
    static func check(frames: Int, sampleRate: Int, channels: Int, source: String) throws {
        guard frames <= maximumFrames(sampleRate: sampleRate, channels: channels) else {
            throw SpeechError(tooLong(sampleRate: sampleRate, channels: channels, source: source, frames: frames))
        }
    }

    /// Frames (samples per channel) that fit both limits.
    static func maximumFrames(sampleRate: Int, channels: Int) -> Int {
        min(maximumSeconds * sampleRate, maximumDecodedBytes / (4 * channels))
    }

    static func tooLong(sampleRate: Int, channels: Int, source: String, frames: Int?) -> String {
        let bySeconds = maximumSeconds * sampleRate <= maximumDecodedBytes / (4 * channels)
        let limit =
            bySeconds
            ? "at most \(maximumSeconds) s of audio are read"
            : "at most \(maximumDecodedBytes >> 20) MiB of decoded samples are read"
        let found =
            frames.map { "\($0 / sampleRate) s of \(channels) channel(s) at \(sampleRate) Hz" } ?? "longer than that"
        return "\(source): \(limit), this file is \(found). Cut it into shorter clips."
    }

    /// Refuses NaN, infinity and values that cannot be samples.
    static func check(sample: Float, at frame: Int, source: String) throws {
        guard sample.isFinite else {
            throw SpeechError(
                "\(source): sample \(frame) is \(sample), not a number a microphone gives. Export it again.")
        }
        guard abs(sample) <= maximumAmplitude else {
            throw SpeechError(
                "\(source): sample \(frame) is \(sample); floats must be in -1...1 (up to \(maximumAmplitude) is let "
                    + "pass). Divide the samples by their full scale and export again.")
        }
    }
}
