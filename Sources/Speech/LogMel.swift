import Foundation

/// A log-mel spectrogram as the Whisper encoder takes it.
public struct MelSpectrogram: Sendable, Equatable {
    /// Frames of 10 ms, padding included.
    public let frames: Int
    /// Mel bins: 80 or 128.
    public let bins: Int
    /// Frames that hold sound, the first ones; the rest is padding.
    public let validFrames: Int
    /// Samples beyond the padded length, which were cut off: 0, or a reason to warn.
    public let droppedSamples: Int
    /// [frames * bins], one frame after the other.
    public let values: [Float]
}

/// The Whisper front end: 16 kHz mono to log-mel, equal to transformers' WhisperFeatureExtractor.
///
/// Frames of 400 samples (periodic Hann) every 160, centred, reflected at both ends; power; Slaney mel filters;
/// log10(max(x, 1e-10)), no lower than the clip's maximum - 8, then (x + 4) / 4.
///
/// ```swift
/// let mel = try LogMel(bins: 80)(speech)  // [frames, 80]
/// ```
public struct LogMel: Sendable {
    /// What the models differ in.
    public enum Padding: Sendable, Equatable {
        /// The clip as it is: floor(n / 160) frames (the extractor's padding="longest"). Needs more than 200 samples.
        case none
        /// Zeros behind the waveform up to this length, longer clips are cut: Whisper, Qwen2-Audio and Kimi with 30.
        case seconds(Int)
        /// Padded to this length as above, of which the ceil(n / 160) valid frames are kept: Qwen2.5-Omni with 300.
        case validFrames(ofSeconds: Int)
    }

    /// Sample rate, in Hz, that every clip must have.
    public static let sampleRate = 16_000
    static let window = 400, hop = 160, reach = 200

    public let bins: Int
    private let bank: MelFilterBank
    private let transform: FourierTransform
    private let hann: [Double]

    /// Prepares filters and tables. Throws `SpeechError` for another number of bins than 80 or 128.
    public init(bins: Int) throws {
        guard bins == 80 || bins == 128, let transform = FourierTransform(count: Self.window) else {
            throw SpeechError("\(bins) mel bins; 80 or 128 were expected (num_mel_bins of the audio config).")
        }
        self.bins = bins
        self.transform = transform
        bank = MelFilterBank(bins: bins)
        hann = (0..<Self.window).map { 0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(Self.window)) }
    }

    /// Throws `SpeechError` for a clip of another rate, of too few samples, or with a sample that is not finite.
    public func callAsFunction(_ waveform: Waveform, padding: Padding = .none) throws -> MelSpectrogram {
        guard waveform.sampleRate == Self.sampleRate else {
            throw SpeechError("a clip of \(waveform.sampleRate) Hz; the models hear 16000 Hz. Resample it first.")
        }
        let given = waveform.samples.count
        let length = try paddedLength(given, padding)
        let used = min(given, length)
        if let bad = waveform.samples[..<used].firstIndex(where: { !$0.isFinite }) {
            throw SpeechError("sample \(bad) of the clip is \(waveform.samples[bad]); mels need finite samples.")
        }
        let (total, valid) = (length / Self.hop, (used + Self.hop - 1) / Self.hop)
        // Later frames see only padding: their value is known. Every earlier one counts for the clip's maximum.
        let computed = min(total, (used + Self.reach + Self.hop - 1) / Self.hop)
        let kept: Int
        switch padding {
        case .none, .seconds: kept = total
        case .validFrames: kept = min(valid, total)
        }
        let padded = reflect(waveform.samples, used: used, length: length, frames: computed)
        let logs = logPowers(padded, frames: computed)
        // An empty frame is log10(1e-10) = -10, so the maximum is never lower.
        let floor = max(logs.max() ?? -10, -10) - 8
        let silence = Float((max(-10, floor) + 4) / 4)
        var values = [Float](repeating: silence, count: kept * bins)
        for index in 0..<min(kept, computed) * bins { values[index] = Float((max(logs[index], floor) + 4) / 4) }
        return MelSpectrogram(
            frames: kept, bins: bins, validFrames: min(valid, kept), droppedSamples: given - used, values: values)
    }

    /// Samples after padding or cutting.
    private func paddedLength(_ count: Int, _ padding: Padding) throws -> Int {
        guard count > 0 else { throw SpeechError("0 samples: there is nothing to hear in this clip.") }
        switch padding {
        case .none:
            guard count > Self.reach else {
                throw SpeechError("\(count) samples; without padding a clip needs 201 at least (12.6 ms).")
            }
            try AudioLimits.check(frames: count, sampleRate: Self.sampleRate, channels: 1, source: "the clip")
            return count
        case .seconds(let seconds), .validFrames(let seconds):
            guard (1...AudioLimits.maximumSeconds).contains(seconds) else {
                throw SpeechError("padding to \(seconds) s; 1...\(AudioLimits.maximumSeconds) s are possible.")
            }
            return seconds * Self.sampleRate
        }
    }

    /// The samples -200 ..< end of the last frame, zeros behind the clip, mirrored at 0 and at `length`.
    private func reflect(_ samples: [Float], used: Int, length: Int, frames: Int) -> [Double] {
        (-Self.reach..<frames * Self.hop - Self.hop + Self.reach).map { place in
            var place = abs(place)
            if place >= length { place = 2 * (length - 1) - place }
            return place >= 0 && place < used ? Double(samples[place]) : 0
        }
    }

    /// log10 of the mel powers [frames * bins]; two real frames ride in one complex transform.
    private func logPowers(_ padded: [Double], frames: Int) -> [Double] {
        let (n, half) = (Self.window, Self.window / 2)
        var logs = [Double](repeating: 0, count: frames * bins)
        let room = UnsafeMutablePointer<Double>.allocate(capacity: 4 * n + 2 * (half + 1))
        defer { room.deallocate() }
        let (first, second) = (room + 4 * n, room + 4 * n + half + 1)
        padded.withUnsafeBufferPointer { padded in
            for frame in stride(from: 0, to: frames, by: 2) {
                let paired = frame + 1 < frames
                for i in 0..<n {
                    room[i] = padded[frame * Self.hop + i] * hann[i]
                    room[n + i] = paired ? padded[(frame + 1) * Self.hop + i] * hann[i] : 0
                }
                let (re, im) = transform(room, room + n, room + 2 * n, room + 3 * n)
                for k in 0...half {
                    // Even part belongs to the first frame, odd part to the second.
                    let mirror = k == 0 ? 0 : n - k
                    let (ar, ai) = (re[k] + re[mirror], im[k] - im[mirror])
                    let (br, bi) = (im[k] + im[mirror], re[mirror] - re[k])
                    first[k] = (ar * ar + ai * ai) / 4
                    second[k] = (br * br + bi * bi) / 4
                }
                filter(first, into: &logs, frame)
                if paired { filter(second, into: &logs, frame + 1) }
            }
        }
        return logs
    }

    private func filter(_ power: UnsafeMutablePointer<Double>, into logs: inout [Double], _ frame: Int) {
        for (m, filter) in bank.filters.enumerated() {
            var sum = 0.0
            for (i, weight) in filter.weights.enumerated() { sum += weight * power[filter.first + i] }
            logs[frame * bins + m] = log10(max(sum, 1e-10))
        }
    }
}
