import Foundation
import MLX
import Speech
import TestSupport
import XCTest

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Hostile and broken files: each is refused with a sentence of its own, quickly and in little memory.
final class WAVAttackTests: XCTestCase {
    private typealias Case = (name: String, expected: String, bytes: [UInt8])

    private func wav(_ change: (inout WAVBuilder) -> Void) -> [UInt8] { WAVBuilder.with(change) }
    private func float(_ values: Float..., channels: UInt16 = 1) -> [UInt8] {
        wav {
            $0.tag = 3
            $0.bits = 32
            $0.channels = channels
            $0.data = values.flatMap { WAVBuilder.little($0.bitPattern) }
        }
    }

    private func container() -> [Case] {
        let good = WAVBuilder().bytes
        return [
            ("empty file", "empty", []),
            ("one byte", "not an audio file", [0x52]),
            ("RIFF only", "too few for a WAV", Array("RIFF".utf8)),
            ("text file", "not an audio file", Array("Dear reader, this is no sound at all.".utf8)),
            ("JSON", "starts with \"{.\"", Array("{\n".utf8)),
            ("zeros", "not an audio file", [UInt8](repeating: 0, count: 4096)),
            (
                "header without chunks", "no 'data' chunk",
                wav {
                    $0.hasFormat = false
                    $0.hasData = false
                }
            ),
            ("RIFF size 0", "never completed", wav { $0.riffSize = 0 }),
            ("RIFF size 2^32-1", "never completed", wav { $0.riffSize = .max }),
            ("RIFF size 3", "no room", wav { $0.riffSize = 3 }),
            ("RIFF size beyond the file", "cut short", wav { $0.riffSize = 1000 }),
            ("RIFF size one more", "cut short", wav { $0.riffSize = UInt32(good.count - 8 + 1) }),
            ("RIFF size cuts data", "claims 8 bytes", wav { $0.riffSize = UInt32(good.count - 8 - 2) }),
            ("AVI", "another kind than WAVE", wav { $0.wave = "AVI " }),
            ("RF64", "64-bit WAV", wav { $0.riff = "RF64" }),
            ("BW64", "64-bit WAV", wav { $0.riff = "BW64" }),
            ("RIFX", "big-endian", wav { $0.riff = "RIFX" }),
            ("Wave64", "Wave64", Array("riff".utf8) + [UInt8](repeating: 1, count: 40)),
            ("AIFF", "AIFF", Array("FORM\0\0\0\0AIFF".utf8)),
            ("AU", "Sun AU", Array(".snd".utf8) + [UInt8](repeating: 0, count: 40)),
            ("MP4", "MP4", [0, 0, 0, 32] + Array("ftypM4A ".utf8)),
            ("cut in the fmt chunk", "cut short", Array(good.prefix(30))),
            ("cut in the data", "cut short", Array(good.dropLast(3))),
            ("stray bytes", "stray bytes", wav { $0.after = [1, 2, 3] }),
            (
                "a thousand chunks", "more than 1000",
                wav {
                    $0.after = (0..<1001).flatMap { _ in WAVBuilder.chunk("JUNK", []) }
                }
            ),
            ("LIST of 4 GiB", "claims 4294967295", wav { $0.between = WAVBuilder.chunk("LIST", [0, 0], size: .max) }),
            ("LIST swallows data", "no 'data' chunk", wav { $0.between = WAVBuilder.chunk("LIST", [], size: 16) }),
        ]
    }

    private func format() -> [Case] {
        let fmt = WAVBuilder().format
        return [
            ("fmt missing", "no 'fmt ' chunk", wav { $0.hasFormat = false }),
            ("fmt twice", "two 'fmt '", wav { $0.between = fmt }),
            (
                "fmt after data", "comes after 'data'",
                wav {
                    $0.hasFormat = false
                    $0.after = fmt
                }
            ),
            ("fmt twice, round data", "two 'fmt '", wav { $0.after = fmt }),
            ("fmt of 14 bytes", "14 bytes", wav { $0.formatSize = 14 }),
            ("fmt of 0 bytes", "0 bytes; expected 16", wav { $0.formatSize = 0 }),
            ("fmt of 4 GiB", "claims 4294967295", wav { $0.formatSize = .max }),
            ("0 channels", "0 channels", wav { $0.channels = 0 }),
            ("9 channels", "9 channels", wav { $0.channels = 9 }),
            ("65535 channels", "65535 channels", wav { $0.channels = 65_535 }),
            ("rate 0", "sample rate 0 Hz", wav { $0.rate = 0 }),
            ("rate 1", "sample rate 1 Hz", wav { $0.rate = 1 }),
            ("rate 999", "sample rate 999 Hz", wav { $0.rate = 999 }),
            ("rate 192001", "sample rate 192001 Hz", wav { $0.rate = 192_001 }),
            ("rate 655350", "sample rate 655350 Hz", wav { $0.rate = 655_350 }),
            ("rate 2^32-1", "sample rate 4294967295 Hz", wav { $0.rate = .max }),
            ("bits 0", "0 bits", wav { $0.bits = 0 }),
            ("bits 7", "7 bits", wav { $0.bits = 7 }),
            ("bits 12", "12 bits", wav { $0.bits = 12 }),
            ("PCM of 64 bits", "64 bits", wav { $0.bits = 64 }),
            ("bits 65535", "65535 bits", wav { $0.bits = 65_535 }),
            ("float of 16 bits", "16 bits", wav { $0.tag = 3 }),
            ("block align 0", "block align is 0", wav { $0.blockAlign = 0 }),
            ("block align 4", "block align is 4", wav { $0.blockAlign = 4 }),
            ("byte rate of another rate", "cannot be trusted", wav { $0.byteRate = 96_000 }),
            ("MS ADPCM", "ADPCM", wav { $0.tag = 2 }),
            ("IMA ADPCM", "ADPCM", wav { $0.tag = 0x11 }),
            ("A-law", "A-law", wav { $0.tag = 6 }),
            ("mu-law", "mu-law", wav { $0.tag = 7 }),
            ("GSM", "GSM", wav { $0.tag = 0x31 }),
            ("MP3 inside", "MPEG", wav { $0.tag = 0x55 }),
            ("format 0", "format 0", wav { $0.tag = 0 }),
            ("EXTENSIBLE without its tail", "EXTENSIBLE", wav { $0.tag = 0xfffe }),
            (
                "EXTENSIBLE ADPCM", "ADPCM",
                wav {
                    $0.tag = 0xfffe
                    $0.formatTail = WAVBuilder.extensible(tag: 2, validBits: 16)
                }
            ),
            (
                "EXTENSIBLE, unknown GUID", "GUID",
                wav {
                    $0.tag = 0xfffe
                    $0.formatTail = WAVBuilder.extensible(tag: 1, validBits: 16).dropLast() + [0]
                }
            ),
            (
                "EXTENSIBLE, 0 valid bits", "0 valid bits",
                wav {
                    $0.tag = 0xfffe
                    $0.formatTail = WAVBuilder.extensible(tag: 1, validBits: 0)
                }
            ),
            (
                "EXTENSIBLE, 24 valid of 16", "24 valid bits",
                wav {
                    $0.tag = 0xfffe
                    $0.formatTail = WAVBuilder.extensible(tag: 1, validBits: 24)
                }
            ),
        ]
    }

    private func data() -> [Case] {
        [
            ("data missing", "no 'data' chunk", wav { $0.hasData = false }),
            ("0 samples", "0 samples", wav { $0.data = [] }),
            ("data twice", "two 'data'", wav { $0.after = WAVBuilder.chunk("data", [0, 0]) }),
            ("odd data", "not a multiple of the 2 bytes", wav { $0.data = [1, 2, 3] }),
            (
                "half a stereo frame", "not a multiple of the 4 bytes",
                wav {
                    $0.channels = 2
                    $0.data = [1, 2, 3, 4, 5, 6]
                }
            ),
            ("data beyond the file", "claims 1000 bytes", wav { $0.dataSize = 1000 }),
            ("data of 4 GiB", "claims 4294967295", wav { $0.dataSize = .max }),
            (
                "data claims 0 over samples", "RIFF chunk",
                wav {
                    $0.dataSize = 0
                    $0.data = [1, 2, 3, 4]
                }
            ),
            ("NaN", "sample 1 is nan", float(0, .nan)),
            ("infinity", "sample 0 is inf", float(.infinity)),
            ("infinities that cancel", "is inf", float(.infinity, -.infinity, channels: 2)),
            ("float of 16-bit scale", "must be in -1...1", float(0, 12_000)),
            (
                "double beyond float", "is inf",
                wav {
                    $0.tag = 3
                    $0.bits = 64
                    $0.data = WAVBuilder.little((1e300).bitPattern)
                }
            ),
        ]
    }

    func testEveryBrokenFileGetsItsOwnSentence() throws {
        let cases = container() + format() + data()
        XCTAssertGreaterThanOrEqual(cases.count, 70)
        for (name, expected, bytes) in cases {
            XCTAssertThrowsError(try AudioFile.read(bytes: bytes, name: "clip.wav"), name) { error in
                guard let error = error as? SpeechError else { return XCTFail("\(name): \(error)") }
                XCTAssert(error.description.hasPrefix("clip.wav: "), "\(name): \(error)")
                XCTAssert(error.description.contains(expected), "\(name): \(error)")
            }
        }
    }

    func testOneSampleIsAWaveform() throws {
        XCTAssertEqual(try AudioFile.read(bytes: wav { $0.data = [0, 0x40] }, name: "x").samples, [0.5])
        // A last odd chunk without its pad byte, and a tag after the RIFF body: seen in the wild, harmless.
        let odd = wav {
            $0.bits = 8
            $0.data = [192, 64, 128]
            $0.riffSize = 4 + 24 + 8 + 3
        }
        XCTAssertEqual(try AudioFile.read(bytes: odd.dropLast(), name: "x").samples, [0.5, -0.5, 0])
        XCTAssertEqual(
            try AudioFile.read(bytes: WAVBuilder().bytes + Array("ID3 tag".utf8), name: "x").samples.count, 4)
    }

    /// The file is as long as it claims (sparse on disk); the limits hold before its samples are touched.
    func testThreeHoursAndTooManyBytesAreRefusedInLittleMemory() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("long.wav")
            func file(_ frames: Int, rate: UInt32, channels: UInt16) throws {
                let size = frames * 2 * Int(channels)
                var header = WAVBuilder()
                (header.rate, header.channels, header.data) = (rate, channels, [])
                header.dataSize = UInt32(size)
                header.riffSize = UInt32(36 + size)
                try Data(header.bytes).write(to: url)
                XCTAssertEqual(truncate(url.path, off_t(44 + size)), 0)
            }
            let before = peakMemory()
            try file(3 * 3600 * 16_000, rate: 16_000, channels: 1)
            XCTAssertThrowsError(try AudioFile.read(url)) {
                XCTAssert("\($0)".contains("at most 600 s of audio are read, this file is 10800 s"), "\($0)")
            }
            try file(601 * 16_000, rate: 16_000, channels: 1)
            XCTAssertThrowsError(try AudioFile.read(url)) { XCTAssert("\($0)".contains("601 s"), "\($0)") }
            try file(9_000_000, rate: 192_000, channels: 8)
            XCTAssertThrowsError(try AudioFile.read(url)) { XCTAssert("\($0)".contains("256 MiB"), "\($0)") }
            XCTAssertLessThan(peakMemory() - before, 16 << 20)
        }
    }

    func testWhatIsNoFileIsRefusedAndNeverHangs() throws {
        try withTemporaryFolder { folder in
            let pipe = folder.appendingPathComponent("pipe.wav")
            XCTAssertEqual(mkfifo(pipe.path, 0o600), 0)
            XCTAssertThrowsError(try AudioFile.read(pipe)) { XCTAssert("\($0)".contains("not a regular file")) }
            XCTAssertThrowsError(try AudioFile.read(folder)) { XCTAssert("\($0)".contains("not a regular file")) }
            let missing = folder.appendingPathComponent("none.wav")
            XCTAssertThrowsError(try AudioFile.read(missing)) { XCTAssert("\($0)".contains("No such file"), "\($0)") }
        }
    }

    /// 20,000 here; before a release RESURFACE_MUTATIONS=500000 (the time limit grows with it).
    func testMutationsNeverCrash() throws {
        let rounds = ProcessInfo.processInfo.environment["RESURFACE_MUTATIONS"].flatMap { Int($0) } ?? 20_000
        var random = SeededGenerator(seed: 2)
        let samples = [UInt8](repeating: 0, count: 48).map { _ in UInt8.random(in: 0...255, using: &random) }
        let seeds: [[UInt8]] = [
            wav { $0.data = samples },
            wav {
                $0.channels = 2
                $0.bits = 24
                $0.data = samples
                $0.between = WAVBuilder.chunk("LIST", [1, 2, 3])
            },
            float(0.5, -0.5, 0.25, 0),
            wav {
                $0.tag = 0xfffe
                $0.data = samples
                $0.formatTail = WAVBuilder.extensible(tag: 1, validBits: 16)
            },
        ]
        let before = peakMemory()
        var (read, refused) = (0, 0)
        let start = cpuSeconds()
        for round in 0..<rounds {
            let bytes = mutated(seeds[round % seeds.count], &random)
            do {
                let clip = try AudioFile.read(bytes: bytes, name: "m.wav")
                read += 1
                XCTAssert(AudioLimits.sampleRates.contains(clip.sampleRate))
                XCTAssert(!clip.samples.isEmpty && clip.samples.count <= bytes.count)
                XCTAssert(clip.samples.allSatisfy { $0.isFinite && abs($0) <= AudioLimits.maximumAmplitude })
            } catch let error as SpeechError {
                refused += 1
                XCTAssert(error.description.hasPrefix("m.wav: "))
            }
        }
        let seconds = cpuSeconds() - start
        print("\(rounds) mutated WAV files: \(read) read, \(refused) refused, \(seconds) s")
        XCTAssertEqual(read + refused, rounds)
        XCTAssertGreaterThan(read, rounds / 20)  // the mutations are not all trivial
        XCTAssertGreaterThan(refused, rounds / 4)
        XCTAssertLessThan(seconds, Double(rounds) / 500)
        XCTAssertLessThan(peakMemory() - before, 64 << 20)
    }

    /// Bytes changed, cut, inserted, doubled, or a 32-bit field set to a value that overflows.
    private func mutated(_ seed: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &random) where bytes.count > 4 {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes.removeLast(bytes.count - place)
            case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
            case 2: bytes += bytes[place...]
            case 3:
                let values: [UInt32] = [0, 1, 0x7fff_ffff, 0x8000_0000, .max, .max - 7, 0xffff_fff0]
                let value = values.randomElement(using: &random) ?? 0
                for (i, byte) in WAVBuilder.little(value).enumerated() where place + i < bytes.count {
                    bytes[place + i] = byte
                }
            default: bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
        }
        return bytes
    }
}

/// Largest resident size of the process so far, in bytes.
func peakMemory() -> Int {
    var usage = rusage()
    #if os(Linux)
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Int(usage.ru_maxrss) << 10
    #else
        getrusage(RUSAGE_SELF, &usage)
        return Int(usage.ru_maxrss)
    #endif
}
