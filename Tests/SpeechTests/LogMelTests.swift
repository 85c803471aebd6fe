import Foundation
import MLX
import Speech
import TestSupport
import XCTest

final class LogMelTests: XCTestCase {
    private struct Case: Decodable {
        let clip: String
        let bins: Int
        let padding: String
        let seconds: Int
        let frames: Int
        let valid: Int
        let mean: Double
        let chosen: [Int]
        let values: [[Float]]
    }

    private func cases() throws -> [Case] {
        try JSONDecoder().decode([Case].self, from: Data(contentsOf: golden("mel.json")))
    }

    /// scripts/golden/mel.py: transformers' WhisperFeatureExtractor.
    func testEqualsTheReferenceExtractor() throws {
        let cases = try cases()
        XCTAssertEqual(cases.count, 21)
        var worst: Float = 0
        for item in cases {
            let speech = try AudioFile.read(golden(item.clip + ".wav"))
            let padding: LogMel.Padding = item.padding == "longest" ? .none : .seconds(item.seconds)
            let mel = try LogMel(bins: item.bins)(speech, padding: padding)
            let name = "\(item.clip), \(item.bins) bins, \(padding)"
            XCTAssertEqual(mel.frames, item.frames, name)
            XCTAssertEqual(mel.validFrames, item.valid, name)
            XCTAssertEqual(mel.values.count, mel.frames * mel.bins, name)
            for (frame, values) in zip(item.chosen, item.values) {
                for (m, value) in values.enumerated() {
                    worst = max(worst, abs(mel.values[frame * item.bins + m] - value))
                }
            }
            let used = min(item.valid, item.frames) * item.bins
            let mean = mel.values[..<used].reduce(0.0) { $0 + Double($1) } / Double(used)
            XCTAssertEqual(mean, item.mean, accuracy: 1e-4, name)
        }
        print("log-mel against the reference: largest difference \(worst)")
        XCTAssertLessThan(worst, 1e-4)
    }

    /// The short cut for models that keep only valid frames is the padded path, cut.
    func testValidFramesAreThoseOfTheLongPadding() throws {
        let logMel = try LogMel(bins: 128)
        for samples in [1, 159, 160, 161, 200, 201, 399, 4837, 32_541] {
            var random = SeededGenerator(seed: UInt64(samples))
            let clip = Waveform(
                samples: (0..<samples).map { _ in Float.random(in: -0.3...0.3, using: &random) }, sampleRate: 16_000)
            let long = try logMel(clip, padding: .seconds(300))
            let short = try logMel(clip, padding: .validFrames(ofSeconds: 300))
            XCTAssertEqual(short.frames, (samples + 159) / 160)
            XCTAssertEqual(short.validFrames, short.frames)
            XCTAssertEqual(short.values, Array(long.values.prefix(short.frames * 128)))
        }
    }

    func testFrameCounts() throws {
        let logMel = try LogMel(bins: 80)
        for (samples, none, valid) in [(201, 1, 2), (320, 2, 2), (16_000, 100, 100), (16_001, 100, 101)] {
            let clip = Waveform(samples: [Float](repeating: 0.1, count: samples), sampleRate: 16_000)
            XCTAssertEqual(try logMel(clip).frames, none)
            XCTAssertEqual(try logMel(clip).validFrames, none)
            XCTAssertEqual(try logMel(clip, padding: .seconds(30)).frames, 3000)
            XCTAssertEqual(try logMel(clip, padding: .seconds(30)).validFrames, valid)
        }
    }

    func testSilenceAndLongClips() throws {
        let logMel = try LogMel(bins: 80)
        let silent = try logMel(Waveform(samples: [Float](repeating: 0, count: 8000), sampleRate: 16_000))
        XCTAssert(silent.values.allSatisfy { $0 == -1.5 })
        let long = try logMel(tone(300, rate: 16_000, seconds: 2.5), padding: .seconds(2))
        XCTAssertEqual([long.frames, long.validFrames, long.droppedSamples], [200, 200, 8000])
    }

    /// A pure tone is loudest in the filter round its frequency: 1000 Hz is mel 15 of 45.2.
    func testAToneLandsInItsBin() throws {
        let mel = try LogMel(bins: 80)(tone(1000, rate: 16_000, seconds: 1))
        let frame = Array(mel.values[50 * 80..<51 * 80])
        let loudest = try XCTUnwrap(frame.firstIndex(of: frame.max() ?? 0))
        XCTAssertEqual(Double(loudest), 15 / 45.245 * 81 - 1, accuracy: 1)
    }

    func testWrongInputIsRefused() throws {
        let logMel = try LogMel(bins: 80)
        let fine = [Float](repeating: 0, count: 400)
        XCTAssertThrowsError(try LogMel(bins: 64))
        for (clip, padding) in [
            (Waveform(samples: fine, sampleRate: 44_100), LogMel.Padding.none),
            (Waveform(samples: [], sampleRate: 16_000), .seconds(30)),
            (Waveform(samples: Array(fine.prefix(200)), sampleRate: 16_000), .none),
            (Waveform(samples: fine + [.nan], sampleRate: 16_000), .none),
            (Waveform(samples: fine, sampleRate: 16_000), .seconds(0)),
            (Waveform(samples: fine, sampleRate: 16_000), .validFrames(ofSeconds: .max)),
        ] {
            XCTAssertThrowsError(try logMel(clip, padding: padding)) { XCTAssert($0 is SpeechError) }
        }
    }

    func testTenSecondsTakeLessThanThirtyMilliseconds() throws {
        let (clip, logMel) = (tone(440, rate: 16_000, seconds: 10), try LogMel(bins: 128))
        let best = try (0..<5).map { _ in
            let start = cpuSeconds()
            _ = try logMel(clip)
            return cpuSeconds() - start
        }.min()
        print("log-mel of 10 s, 128 bins: \(Int((best ?? 0) * 1e6)) us")
        XCTAssertLessThan(try XCTUnwrap(best), 0.1)  // 0.03 on a quiet machine
    }
}
