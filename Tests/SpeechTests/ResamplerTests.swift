import Foundation
import MLX
import Speech
import TestSupport
import XCTest

final class ResamplerTests: XCTestCase {
    /// dB of full scale of `clip` minus `reference`, over the middle 80 %.
    private func error(_ clip: Waveform, _ reference: Waveform) -> Double {
        let count = min(clip.samples.count, reference.samples.count)
        var sum = 0.0
        for i in count / 10..<count - count / 10 {
            let d = Double(clip.samples[i] - reference.samples[i])
            sum += d * d
        }
        return 10 * log10(sum / (0.8 * Double(count)) + 1e-30)
    }

    private static let rates = [8000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000, 15_999, 47_001]

    func testLengthIsTheCeilingOfTheRatio() throws {
        for rate in Self.rates {
            for count in [1, 2, 159, 160, 4801] {
                let out = try Resampler.resample(
                    Waveform(samples: [Float](repeating: 0, count: count), sampleRate: rate), to: 16_000)
                XCTAssertEqual(out.samples.count, (count * 16_000 + rate - 1) / rate, "\(rate) Hz, \(count)")
                XCTAssertEqual(out.sampleRate, 16_000)
            }
        }
    }

    /// A tone below 92 % of the lower Nyquist frequency comes out as the same tone: level, phase and time.
    func testPassBandIsTransparent() throws {
        for rate in Self.rates {
            let nyquist = Double(min(rate, 16_000)) / 2
            for part in [0.02, 0.3, 0.6, 0.9] {
                let f = part * nyquist
                let out = try Resampler.resample(tone(f, rate: rate, seconds: 0.4), to: 16_000)
                XCTAssertLessThan(error(out, tone(f, rate: 16_000, seconds: 0.4)), -80, "\(f) Hz from \(rate) Hz")
            }
        }
    }

    /// A tone above the target's Nyquist frequency leaves nothing behind: aliases below -80 dB of the tone.
    func testStopBandHoldsOverASweep() throws {
        for rate in Self.rates where rate > 17_000 {
            for f in stride(from: 8100.0, to: Double(rate) / 2, by: Double(rate) / 41) {
                let out = try Resampler.resample(tone(f, rate: rate, seconds: 0.2, amplitude: 1), to: 16_000)
                let middle = Waveform(samples: Array(out.samples[640..<2560]), sampleRate: 16_000)
                XCTAssertLessThan(middle.rmsDBFS, -83, "\(f) Hz from \(rate) Hz")  // the tone has -3 dBFS
            }
        }
    }

    /// Upsampling mirrors nothing into the new band.
    func testImagesAreGone() throws {
        let out = try Resampler.resample(tone(3000, rate: 8000, seconds: 0.4, amplitude: 1), to: 16_000)
        XCTAssertLessThan(error(out, tone(3000, rate: 16_000, seconds: 0.4, amplitude: 1)), -80)
    }

    func testConstantStaysAndWhiteNoiseKeepsItsEnergyPerHertz() throws {
        let one = try Resampler.resample(
            Waveform(samples: [Float](repeating: 0.5, count: 44_100), sampleRate: 44_100), to: 16_000)
        for x in one.samples[2000..<14_000] { XCTAssertEqual(x, 0.5, accuracy: 1e-5) }
        var random = SeededGenerator(seed: 5)
        let noise = Waveform(
            samples: (0..<96_000).map { _ in Float.random(in: -0.5...0.5, using: &random) }, sampleRate: 48_000)
        // A third of the band, of which the transition takes some 4 %.
        let ratio = try pow(Double(Resampler.resample(noise, to: 16_000).rms / noise.rms), 2)
        XCTAssertEqual(ratio, 0.96 / 3, accuracy: 0.015)
    }

    func testImpulseIsSymmetric() throws {
        var samples = [Float](repeating: 0, count: 9601)
        samples[4800] = 1
        let out = try Resampler.resample(Waveform(samples: samples, sampleRate: 48_000), to: 16_000).samples
        for i in 1..<200 { XCTAssertEqual(out[1600 - i], out[1600 + i], accuracy: 1e-7) }
        XCTAssertEqual(out.firstIndex(of: out.max() ?? 0), 1600)
    }

    func testThereAndBackIsTheSame() throws {
        let speech = tone(1234, rate: 16_000, seconds: 0.3)
        let back = try Resampler.resample(Resampler.resample(speech, to: 44_100), to: 16_000)
        XCTAssertLessThan(error(back, speech), -80)
    }

    func testRatesOutsideTheLimitsAreRefused() throws {
        for (from, to) in [(0, 16_000), (-1, 16_000), (16_000, 0), (655_350, 16_000), (16_000, Int.max)] {
            XCTAssertThrowsError(try Resampler(from: from, to: to)) { XCTAssert($0 is SpeechError) }
        }
        let resampler = try Resampler(from: 48_000, to: 16_000)
        XCTAssertThrowsError(try resampler(Waveform(samples: [0], sampleRate: 44_100)))
        XCTAssertEqual(try resampler(Waveform(samples: [], sampleRate: 48_000)).samples, [])
    }

    func testTenSecondsTakeLessThanFiftyMilliseconds() throws {
        let clip = tone(440, rate: 48_000, seconds: 10)
        let best = try (0..<5).map { _ in
            let start = cpuSeconds()
            _ = try Resampler.resample(clip, to: 16_000)
            return cpuSeconds() - start
        }.min()
        print("resampling 10 s, 48 to 16 kHz: \(Int((best ?? 0) * 1e6)) us")
        XCTAssertLessThan(try XCTUnwrap(best), 0.15)  // 0.05 on a quiet machine
    }
}
