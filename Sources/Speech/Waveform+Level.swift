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

    /// Cuts the quiet beginning and end: what lies before the first and after the last 25 ms frame (every 10 ms) whose
    /// RMS comes within `decibels` of the loudest frame's. Pauses inside stay. Silence and empty clips come back whole.
    public func trimmed(belowPeak decibels: Double = 35) -> Waveform {
        let hop = max(1, sampleRate / 100)
        let length = max(1, sampleRate / 40)
        var powers: [Double] = []
        for start in stride(from: 0, to: samples.count, by: hop) {
            let frame = samples[start..<min(start + length, samples.count)]
            powers.append(frame.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(length))
        }
        guard let loudest = powers.max(), loudest > 0 else { return self }
        let threshold = loudest * pow(10, -decibels / 10)
        guard let first = powers.firstIndex(where: { $0 >= threshold }),
            let last = powers.lastIndex(where: { $0 >= threshold })
        else { return self }
        let range = first * hop..<min(last * hop + length, samples.count)
        return Waveform(samples: Array(samples[range]), sampleRate: sampleRate)
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
