import Speech
import XCTest

final class LevelTests: XCTestCase {
    func testMeasures() {
        let clip = Waveform(samples: [0.5, -0.5, 0.5, -0.5], sampleRate: 16_000)
        XCTAssertEqual(clip.peak, 0.5)
        XCTAssertEqual(clip.rms, 0.5)
        XCTAssertEqual(clip.rmsDBFS, -6.0206, accuracy: 1e-3)
        let empty = Waveform(samples: [], sampleRate: 16_000)
        XCTAssertEqual([empty.peak, empty.rms], [0, 0])
        XCTAssertEqual(empty.trimmed(), empty)
        XCTAssertEqual(empty.normalised(rmsDBFS: -23), empty)
    }

    func testTrimmingKeepsTheSpeechAndItsPauses() {
        let quiet = [Float](repeating: 0.0005, count: 8000)
        let loud = tone(300, rate: 16_000, seconds: 0.5).samples
        let clip = Waveform(samples: quiet + loud + quiet + loud + quiet, sampleRate: 16_000)
        let trimmed = clip.trimmed(belowPeak: 35)
        // Both bursts and the pause between them, give or take a frame and the fade of the burst itself.
        XCTAssertEqual(Double(trimmed.samples.count), 24_000, accuracy: 600)
        XCTAssertEqual(trimmed.peak, clip.peak)
        XCTAssertEqual(clip.trimmed(belowPeak: 80), clip)
        let silence = Waveform(samples: [0, 0, 0], sampleRate: 16_000)
        XCTAssertEqual(silence.trimmed(), silence)
    }

    func testNormalisingSetsTheLevelButNeverClips() {
        let clip = tone(300, rate: 16_000, seconds: 1, amplitude: 0.1)
        XCTAssertEqual(clip.normalised(rmsDBFS: -26).rmsDBFS, -26, accuracy: 1e-3)
        XCTAssertEqual(clip.normalised(rmsDBFS: 0).peak, 0.99, accuracy: 1e-4)
    }
}
