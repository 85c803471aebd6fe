import Foundation
import MLX
import Speech
import TestSupport
import XCTest

final class CompressedAudioTests: XCTestCase {
    func testTheLibraryOfTheSetupIsFound() throws {
        XCTAssertNotNil(SoundFileLibrary.version)
        XCTAssertEqual(SoundFileLibrary.version?.hasPrefix("libsndfile"), true)
    }

    func testFLACIsTheWAVBitForBit() throws {
        XCTAssertEqual(try AudioFile.read(golden("chirp-0.3.flac")), try AudioFile.read(golden("chirp-0.3.wav")))
    }

    func testLossyFormatsSoundLikeTheWAV() throws {
        let original = try AudioFile.read(golden("chirp-0.3.wav"))
        for name in ["ogg", "opus", "mp3"] {
            let decoded = try Resampler.resample(AudioFile.read(golden("chirp-0.3." + name)), to: 16_000)
            XCTAssertEqual(decoded.seconds, original.seconds, accuracy: 0.15, name)
            XCTAssertEqual(decoded.rmsDBFS, original.rmsDBFS, accuracy: 1.5, name)
        }
    }

    func testTheContentDecidesNotTheName() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("really-flac.wav")
            try FileManager.default.copyItem(at: golden("chirp-0.3.flac"), to: url)
            XCTAssertEqual(try AudioFile.read(url), try AudioFile.read(golden("chirp-0.3.wav")))
        }
    }

    /// libsndfile clears all of its 32 bytes, the padding at the end too.
    func testTheLibrarysStructureHasItsSizeInC() {
        XCTAssertEqual(MemoryLayout<SoundFileLibrary.Info>.size, 32)
    }

    func testDamagedFilesAreRefused() throws {
        let flac = [UInt8](try Data(contentsOf: golden("chirp-0.3.flac")))
        for bytes in [Array(flac.prefix(flac.count / 2)), Array(flac.prefix(50)), Array("fLaC".utf8)] {
            XCTAssertThrowsError(try AudioFile.read(bytes: bytes, name: "cut.flac")) {
                XCTAssert("\($0)".contains("cut.flac: this FLAC file cannot be decoded"), "\($0)")
            }
        }
        let mp3 = [UInt8](try Data(contentsOf: golden("chirp-0.3.mp3")))
        XCTAssertThrowsError(try AudioFile.read(bytes: Array(mp3.prefix(4)), name: "cut.mp3"))
        XCTAssertThrowsError(try AudioFile.read(bytes: Array("OggS".utf8), name: "cut.ogg"))
    }

    /// The MP3 decoder inside libsndfile writes its own complaints to standard error; they cannot be turned off.
    func testMutationsNeverCrash() throws {
        var random = SeededGenerator(seed: 3)
        for name in ["flac", "ogg", "opus", "mp3"] {
            let seed = [UInt8](try Data(contentsOf: golden("chirp-0.3." + name)))
            for _ in 0..<150 {
                var bytes = seed
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count / 2, using: &random)) }
                do {
                    let clip = try AudioFile.read(bytes: bytes, name: name)
                    XCTAssert(AudioLimits.sampleRates.contains(clip.sampleRate))
                    XCTAssertLessThanOrEqual(clip.samples.count, 600 * clip.sampleRate)
                } catch { XCTAssert(error is SpeechError, "\(error)") }
            }
        }
    }

    func testRealSpeech() throws {
        let environment = ProcessInfo.processInfo.environment["RESURFACE_TEST_DATA"]
        let root = environment.map { URL(fileURLWithPath: $0) } ?? URL(fileURLWithPath: "../shared/data")
        let actor = root.appendingPathComponent("ravdess/Actor_01")
        let clips = (try? FileManager.default.contentsOfDirectory(at: actor, includingPropertiesForKeys: nil)) ?? []
        let flac = clips.filter { $0.pathExtension == "flac" }.sorted { $0.path < $1.path }
        try XCTSkipIf(flac.isEmpty, "no RAVDESS clips under \(actor.path): set RESURFACE_TEST_DATA to read real speech")
        for clip in flac.prefix(10) {
            let speech = try AudioFile.read(clip)
            XCTAssert((2...8).contains(speech.seconds), "\(clip.lastPathComponent): \(speech.seconds) s")
            XCTAssert((-70 ... -10).contains(speech.rmsDBFS), "\(clip.lastPathComponent): \(speech.rmsDBFS) dBFS")
            let trimmed = speech.trimmed()
            XCTAssertLessThan(trimmed.seconds, speech.seconds)
            XCTAssertEqual(trimmed.peak, speech.peak)
        }
    }
}
