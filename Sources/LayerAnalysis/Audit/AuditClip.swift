import AudioLanguageModels
import Corpora
import Foundation
import Speech

/// What a probe of the audit looks at.
enum AuditView: String, CaseIterable {
    /// Mean log-mel of the quietest tenth of the frames: what the processing leaves where nobody speaks.
    case quiet
    /// Mean and standard deviation of every log-mel bin over the clip.
    case spectrum
    /// Mean and standard deviation over time of all encoder stages, where a model was given.
    case encoder
}

/// A single number of a clip that might tell its label.
enum AuditMeasure: String, CaseIterable {
    case level, pace, leadingSilence, trailingSilence
    /// Level of the quietest tenth of the frames.
    case noiseFloor
    case sampleRate, clipping

    /// Loudness and pace may be the speaker's own; the others are the recording's.
    var belongsToVoice: Bool { self == .level || self == .pace }

    var unit: String {
        switch self {
        case .level, .noiseFloor: "dBFS"
        case .pace: "words/s"
        case .leadingSilence, .trailingSilence: "s"
        case .sampleRate: "Hz"
        case .clipping: "share of samples"
        }
    }
}

/// One clip as the audit hears it.
struct AuditClip: Sendable {
    var utterance: Utterance
    var measures: [AuditMeasure: Double]
    var states: [AuditView: [Float]]

    init(_ utterance: Utterance, _ clip: Waveform, mel: LogMel) throws {
        self.utterance = utterance
        let range = clip.soundRange()
        let rate = Double(clip.sampleRate)
        let words = utterance.text.split { $0.isWhitespace }.count
        let sound = try mel(Resampler.resample(clip, to: LogMel.sampleRate))
        let (quiet, spectrum) = Self.summary(sound)
        measures = [
            .level: max(Self.silence, clip.trimmed().rmsDBFS),
            .pace: Double(words) * rate / Double(max(1, range.count)),
            .leadingSilence: Double(range.lowerBound) / rate,
            .trailingSilence: Double(clip.samples.count - range.upperBound) / rate, .noiseFloor: Self.noiseFloor(clip),
            .sampleRate: rate,
            .clipping: Double(clip.samples.reduce(0) { $0 + (abs($1) >= 0.999 ? 1 : 0) })
                / Double(max(1, clip.samples.count)),
        ]
        states = [.quiet: quiet, .spectrum: spectrum]
    }

    /// dBFS that stand for no sound at all: below 16 bits.
    private static let silence = -110.0

    private static func noiseFloor(_ clip: Waveform) -> Double {
        let powers = clip.framePowers().sorted()
        let quiet = powers.prefix(max(1, powers.count / 10))
        let mean = quiet.reduce(0, +) / Double(max(1, quiet.count))
        return mean > 0 ? max(silence, 10 * log10(mean)) : silence
    }

    /// The quietest frames' mean; mean and deviation of all.
    private static func summary(_ mel: MelSpectrogram) -> (quiet: [Float], spectrum: [Float]) {
        let (frames, bins) = (mel.frames, mel.bins)
        func row(_ frame: Int) -> ArraySlice<Float> { mel.values[frame * bins..<(frame + 1) * bins] }
        let loudness = (0..<frames).map { row($0).reduce(0, +) / Float(bins) }
        let order = (0..<frames).sorted { (loudness[$0], $0) < (loudness[$1], $1) }
        func mean(_ chosen: some Collection<Int>) -> [Float] {
            var sum = [Float](repeating: 0, count: bins)
            for frame in chosen { for (b, value) in row(frame).enumerated() { sum[b] += value } }
            return sum.map { $0 / Float(chosen.count) }
        }
        let (all, quiet) = (mean(0..<frames), mean(order.prefix(max(1, frames / 10))))
        var squares = [Float](repeating: 0, count: bins)
        for frame in 0..<frames {
            for (b, value) in row(frame).enumerated() { squares[b] += (value - all[b]) * (value - all[b]) }
        }
        return (quiet, all + squares.map { ($0 / Float(frames)).squareRoot() })
    }
}
