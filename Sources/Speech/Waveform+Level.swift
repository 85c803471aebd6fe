import Foundation

extension Waveform {
    /// Largest magnitude; 0 for an empty clip.
    public var peak: Float { samples.reduce(0) { max($0, abs($1)) } }

    /// Root mean square; 0 for an empty clip.
    public var rms: Float {
        guard !samples.isEmpty else { return 0 }
        return Float((samples.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(samples.count)).squareRoot())
    }

    /// `rms` in dB of full scale; minus infinity for silence.
    public var rmsDBFS: Double { 20 * log10(Double(rms)) }

    private var hop: Int { max(1, sampleRate / 100) }
    private var frameLength: Int { max(1, sampleRate / 40) }

    /// Mean square of every 25 ms frame, one each 10 ms; the last ones lack what is beyond the end.
    public func framePowers() -> [Double] {
        stride(from: 0, to: samples.count, by: hop).map { start in
            let frame = samples[start..<min(start + frameLength, samples.count)]
            return frame.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(frameLength)
        }
    }

    /// Where the sound is: from the first to the last frame whose RMS comes within `decibels` of the loudest frame's. All
    /// of a silent clip.
    public func soundRange(belowPeak decibels: Double = 35) -> Range<Int> {
        let powers = framePowers()
        guard let loudest = powers.max(), loudest > 0 else { return samples.indices }
        let threshold = loudest * pow(10, -decibels / 10)
        guard let first = powers.firstIndex(where: { $0 >= threshold }),
            let last = powers.lastIndex(where: { $0 >= threshold })
        else { return samples.indices }
        return first * hop..<min(last * hop + frameLength, samples.count)
    }

    /// Without the quiet beginning and end; pauses inside stay. Silence and empty clips come back whole.
    public func trimmed(belowPeak decibels: Double = 35) -> Waveform {
        Waveform(samples: Array(samples[soundRange(belowPeak: decibels)]), sampleRate: sampleRate)
    }

    /// Scales the clip to `level` dB RMS of full scale, less if the peak would pass `peakLimit`. Silence comes back
    /// unchanged.
    public func normalised(rmsDBFS level: Double, peakLimit: Float = 0.99) -> Waveform {
        let (rms, peak) = (rms, peak)
        guard rms > 0, peak > 0 else { return self }
        let gain = min(Float(pow(10, level / 20)) / rms, peakLimit / peak)
        return Waveform(samples: samples.map { $0 * gain }, sampleRate: sampleRate)
    }
}
