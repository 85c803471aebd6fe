import Foundation

/// Band-limited change of sample rate: a Kaiser-windowed sinc in polyphase form, linear phase, no delay.
///
/// The stop band lies 90 dB down from the lower of the two Nyquist frequencies on, the pass band is flat up to 92 % of
/// it. n samples become ceil(n * to / from); outside the clip there is silence.
///
/// ```swift
/// let speech = try Resampler.resample(waveform, to: 16000)
/// ```
public struct Resampler: Sendable {
    /// Rates in Hz.
    public let from: Int, to: Int

    /// Output sample m lies at input time m * down / up.
    private let up: Int, down: Int
    /// Filter length in input samples, a multiple of 8.
    private let taps: Int
    /// All phases [up * taps], each in the order of the input; empty if that would be large: rates in an odd ratio.
    private let bank: [Float]
    private let prototype: Prototype

    private static let stopBand = 90.0  // dB
    private static let passBand = 0.92
    private static let largestBank = 1 << 20

    /// Prepares the filter. Throws `SpeechError` for a rate outside `AudioLimits.sampleRates`.
    public init(from: Int, to: Int) throws {
        try AudioLimits.check(sampleRate: from, channels: 1, source: "resampling from \(from) Hz")
        try AudioLimits.check(sampleRate: to, channels: 1, source: "resampling to \(to) Hz")
        self.from = from
        self.to = to
        let divisor = Self.greatestCommonDivisor(from, to)
        (up, down) = (to / divisor, from / divisor)
        // In units of the input's rate: band edges, and Kaiser's length for the transition between them.
        let nyquist = 0.5 * Swift.min(1, Double(to) / Double(from))
        let transition = 2 * Double.pi * nyquist * (1 - Self.passBand)
        let length = (Self.stopBand - 8) / (2.285 * transition)
        taps = (Int(length.rounded(.up)) + 7) / 8 * 8
        prototype = Prototype(
            cutoff: nyquist * (1 + Self.passBand), halfWidth: Double(taps) / 2,
            beta: 0.1102 * (Self.stopBand - 8.7))
        guard up != down, up * taps <= Self.largestBank else {
            bank = []
            return
        }
        var bank = [Float](repeating: 0, count: up * taps)
        let (prototype, taps, up) = (prototype, taps, up)
        bank.withUnsafeMutableBufferPointer { bank in
            for phase in 0..<up {
                let row = UnsafeMutableBufferPointer(rebasing: bank[phase * taps..<(phase + 1) * taps])
                prototype.fill(row, fraction: Double(phase) / Double(up), exact: true)
            }
        }
        self.bank = bank
    }

    /// One clip in one call. Throws `SpeechError` for rates outside `AudioLimits.sampleRates`.
    public static func resample(_ waveform: Waveform, to rate: Int) throws -> Waveform {
        if waveform.sampleRate == rate { return waveform }
        return try Resampler(from: waveform.sampleRate, to: rate).callAsFunction(waveform)
    }

    /// Resamples a clip of `from` Hz. Throws `SpeechError` for another rate or a clip beyond `AudioLimits`.
    public func callAsFunction(_ waveform: Waveform) throws -> Waveform {
        guard waveform.sampleRate == from else {
            throw SpeechError("a clip of \(waveform.sampleRate) Hz was given to a resampler from \(from) Hz.")
        }
        let count = waveform.samples.count
        try AudioLimits.check(frames: count, sampleRate: from, channels: 1, source: "resampling")
        if from == to || count == 0 { return Waveform(samples: waveform.samples, sampleRate: to) }
        let outputs = (count * up + down - 1) / down
        // Silence on both sides, so that the inner loop knows no edges.
        let before = taps / 2 - 1
        var padded = [Float](repeating: 0, count: count + 2 * taps)
        padded.replaceSubrange(before..<before + count, with: waveform.samples)
        let samples = [Float](unsafeUninitializedCapacity: outputs) { output, filled in
            padded.withUnsafeBufferPointer { input in
                if bank.isEmpty {
                    convolveInterpolated(input, output, outputs)
                } else {
                    convolve(input, output, outputs)
                }
            }
            filled = outputs
        }
        return Waveform(samples: samples, sampleRate: to)
    }

    private func convolve(
        _ input: UnsafeBufferPointer<Float>, _ output: UnsafeMutableBufferPointer<Float>, _ count: Int
    ) {
        bank.withUnsafeBufferPointer { bank in
            var (start, phase) = (0, 0)  // m * down = start * up + phase
            for m in 0..<count {
                output[m] = Self.dot(input, start, bank, phase * taps, taps)
                phase += down
                start += phase / up
                phase %= up
            }
        }
    }

    private func convolveInterpolated(
        _ input: UnsafeBufferPointer<Float>, _ output: UnsafeMutableBufferPointer<Float>, _ count: Int
    ) {
        var row = [Float](repeating: 0, count: taps)
        row.withUnsafeMutableBufferPointer { row in
            for m in 0..<count {
                let (start, phase) = (m * down).quotientAndRemainder(dividingBy: up)
                prototype.fill(row, fraction: Double(phase) / Double(up), exact: false)
                output[m] = Self.dot(input, start, UnsafeBufferPointer(row), 0, taps)
            }
        }
    }

    /// Four sums of eight lanes: hides the latency of the addition and keeps the rounding small.
    @inline(__always)
    private static func dot(
        _ a: UnsafeBufferPointer<Float>, _ aStart: Int, _ b: UnsafeBufferPointer<Float>, _ bStart: Int, _ count: Int
    ) -> Float {
        let a = UnsafeRawBufferPointer(a), b = UnsafeRawBufferPointer(b)
        var first = SIMD8<Float>.zero, second = SIMD8<Float>.zero
        var index = 0
        while index + 16 <= count {
            first +=
                a.loadUnaligned(fromByteOffset: 4 * (aStart + index), as: SIMD8<Float>.self)
                * b.loadUnaligned(fromByteOffset: 4 * (bStart + index), as: SIMD8<Float>.self)
            second +=
                a.loadUnaligned(fromByteOffset: 4 * (aStart + index + 8), as: SIMD8<Float>.self)
                * b.loadUnaligned(fromByteOffset: 4 * (bStart + index + 8), as: SIMD8<Float>.self)
            index += 16
        }
        if index < count {
            first +=
                a.loadUnaligned(fromByteOffset: 4 * (aStart + index), as: SIMD8<Float>.self)
                * b.loadUnaligned(fromByteOffset: 4 * (bStart + index), as: SIMD8<Float>.self)
        }
        return (first + second).sum()
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        b == 0 ? a : greatestCommonDivisor(b, a % b)
    }
}

extension Resampler {
    /// The continuous filter h(t), t in input samples: exactly, or from a table by linear interpolation (1e-5).
    struct Prototype: Sendable {
        let cutoff: Double, halfWidth: Double, beta: Double
        private static let density = 512
        private let table: [Float]

        /// `cutoff` is twice the middle of the transition, in cycles per input sample: the gain of the sinc.
        init(cutoff: Double, halfWidth: Double, beta: Double) {
            self.cutoff = cutoff
            self.halfWidth = halfWidth
            self.beta = beta
            let count = Int(halfWidth) * Self.density + 2
            let scale = 1 / bessel(beta)
            table = (0..<count).map { index in
                let t = Double(index) / Double(Self.density)
                return Float(Self.value(t, cutoff, halfWidth, beta, scale))
            }
        }

        private static func value(
            _ t: Double, _ cutoff: Double, _ halfWidth: Double, _ beta: Double, _ scale: Double
        ) -> Double {
            let position = t / halfWidth
            guard abs(position) < 1 else { return 0 }
            let x = Double.pi * cutoff * t
            let sinc = abs(x) < 1e-9 ? 1 : sin(x) / x
            return cutoff * sinc * bessel(beta * (1 - position * position).squareRoot()) * scale
        }

        /// Tap k meets input sample floor(t) - (taps/2 - 1) + k; the sum is made 1, so that a constant stays one.
        func fill(_ row: UnsafeMutableBufferPointer<Float>, fraction: Double, exact: Bool) {
            let centre = Double(row.count / 2 - 1) + fraction
            var sum = 0.0
            if exact {
                let scale = 1 / bessel(beta)
                for k in row.indices {
                    row[k] = Float(Self.value(centre - Double(k), cutoff, halfWidth, beta, scale))
                    sum += Double(row[k])
                }
            } else {
                table.withUnsafeBufferPointer { table in
                    for k in row.indices {
                        let place = abs(centre - Double(k)) * Double(Self.density)
                        let index = min(Int(place), table.count - 2)
                        let weight = Float(place - Double(index))
                        row[k] = table[index] + weight * (table[index + 1] - table[index])
                        sum += Double(row[k])
                    }
                }
            }
            let normal = Float(1 / sum)
            for k in row.indices { row[k] *= normal }
        }
    }
}

/// Modified Bessel function of the first kind, order 0, by its power series.
private func bessel(_ x: Double) -> Double {
    var (sum, term, k) = (1.0, 1.0, 1.0)
    repeat {
        term *= (x / (2 * k)) * (x / (2 * k))
        sum += term
        k += 1
    } while term > 1e-17 * sum
    return sum
}
