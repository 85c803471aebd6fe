import Foundation
import Speech
import TestSupport
import XCTest

final class WAVFileTests: XCTestCase {
    private func read(_ change: (inout WAVBuilder) -> Void) throws -> Waveform {
        try WAVFile.read(bytes: WAVBuilder.with(change), name: "clip.wav")
    }

    func testEveryEncodingGivesItsFullScale() throws {
        let half: [(tag: UInt16, bits: UInt16, [UInt8])] = [
            (1, 8, [192, 64]),
            (1, 16, [0, 0x40, 0, 0xc0]),
            (1, 24, [0, 0, 0x40, 0, 0, 0xc0]),
            (1, 32, [0, 0, 0, 0x40, 0, 0, 0, 0xc0]),
            (3, 32, WAVBuilder.little(Float(0.5).bitPattern) + WAVBuilder.little(Float(-0.5).bitPattern)),
            (3, 64, WAVBuilder.little(0.5.bitPattern) + WAVBuilder.little((-0.5).bitPattern)),
        ]
        for (tag, bits, data) in half {
            let plain = try read {
                $0.tag = tag
                $0.bits = bits
                $0.data = data
            }
            XCTAssertEqual(plain, Waveform(samples: [0.5, -0.5], sampleRate: 16_000), "\(tag), \(bits) bits")
            let extensible = try read {
                $0.tag = 0xfffe
                $0.bits = bits
                $0.data = data
                $0.formatTail = WAVBuilder.extensible(tag: tag, validBits: bits)
            }
            XCTAssertEqual(extensible, plain, "EXTENSIBLE \(tag), \(bits) bits")
        }
    }

    func testChannelsAreAveraged() throws {
        let two = try read {
            $0.channels = 2
            $0.data = [0, 0x40, 0, 0, 0, 0x40, 0, 0x40]
        }
        XCTAssertEqual(two.samples, [0.25, 0.5])
        let eight = try read {
            $0.channels = 8
            $0.data = [UInt8](repeating: 0, count: 14) + [0, 0x40]
        }
        XCTAssertEqual(eight.samples, [0.0625])
    }

    func testManyBlocksKeepTheirOrder() throws {
        let ramp = (0..<100_000).map { Int16(truncatingIfNeeded: $0 &* 31) }
        let back = try read { $0.data = ramp.flatMap { WAVBuilder.little($0) } }
        XCTAssertEqual(back.samples, ramp.map { Float($0) / 32_768 })
    }

    func testOtherChunksAndRatesAreFine() throws {
        let clip = try read {
            $0.rate = 192_000
            $0.before = WAVBuilder.chunk("JUNK", [1, 2, 3])
            $0.between = WAVBuilder.chunk("LIST", Array("INFO".utf8))
            $0.after = WAVBuilder.chunk("cue ", [0, 0, 0, 0])
        }
        XCTAssertEqual(clip.sampleRate, 192_000)
        XCTAssertEqual(clip.samples.count, 4)
    }

    func testWrittenFileReadsBackWithinHalfAStep() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("a clip \u{e9}.wav")
            let samples = (0..<5000).map { Float(sin(Double($0) * 0.05)) * 0.9 }
            try WAVFile.write(Waveform(samples: samples, sampleRate: 22_050), to: url)
            let back = try AudioFile.read(url)
            XCTAssertEqual(back.sampleRate, 22_050)
            XCTAssertEqual(back.samples.count, samples.count)
            for (a, b) in zip(back.samples, samples) { XCTAssertEqual(a, b, accuracy: 0.5 / 32_768 + 1e-7) }
            // Writing again what was read gives the same bytes, and replaces the file without leaving anything.
            let bytes = try Data(contentsOf: url)
            try WAVFile.write(back, to: url)
            XCTAssertEqual(try Data(contentsOf: url), bytes)
            XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path).count, 1)
        }
    }

    func testLoudSamplesClipAtFullScale() throws {
        let bytes = try WAVFile.encode(Waveform(samples: [1.5, -1.5, 1, -1], sampleRate: 16_000))
        let back = try WAVFile.read(bytes: bytes, name: "x")
        XCTAssertEqual(back.samples, [32_767 / 32_768, -1, 32_767 / 32_768, -1])
    }

    func testWhatCannotBeReadBackIsNotWritten() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("x.wav")
            for clip in [
                Waveform(samples: [], sampleRate: 16_000), Waveform(samples: [0], sampleRate: 0),
                Waveform(samples: [.nan], sampleRate: 16_000), Waveform(samples: [0], sampleRate: -5),
            ] {
                XCTAssertThrowsError(try WAVFile.write(clip, to: url)) { XCTAssert($0 is SpeechError) }
            }
            let nowhere = folder.appendingPathComponent("no/such/folder.wav")
            XCTAssertThrowsError(try WAVFile.write(Waveform(samples: [0], sampleRate: 16_000), to: nowhere)) {
                XCTAssert("\($0)".contains("folder.wav"), "\($0)")
            }
            XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), [])
        }
    }
}
