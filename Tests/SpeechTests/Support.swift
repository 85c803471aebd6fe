import Foundation
import Speech
import XCTest

/// Golden files beside the tests; scripts/golden/mel.py and compressed.py make them.
func golden(_ name: String) throws -> URL {
    let url = Bundle.module.resourceURL?.appendingPathComponent("Golden/" + name)
    return try XCTUnwrap(url)
}

/// A WAV file built field by field, so that each can be wrong.
struct WAVBuilder {
    var riff = "RIFF", wave = "WAVE"
    var riffSize: UInt32?
    var tag: UInt16 = 1
    var channels: UInt16 = 1
    var rate: UInt32 = 16_000
    var bits: UInt16 = 16
    var byteRate: UInt32?
    var blockAlign: UInt16?
    var formatSize: UInt32?
    var formatTail: [UInt8] = []
    var before: [UInt8] = []
    var between: [UInt8] = []
    var after: [UInt8] = []
    var dataSize: UInt32?
    var data: [UInt8] = [0, 0, 255, 127, 1, 128, 0, 64]
    var hasFormat = true, hasData = true

    static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    static func chunk(_ name: String, _ body: [UInt8], size: UInt32? = nil) -> [UInt8] {
        Array(name.utf8) + little(size ?? UInt32(body.count)) + body + (body.count % 2 == 1 ? [0] : [])
    }

    var format: [UInt8] {
        let align = blockAlign ?? UInt16(truncatingIfNeeded: Int(channels) * Int(bits) / 8)
        let body =
            Self.little(tag) + Self.little(channels) + Self.little(rate)
            + Self.little(byteRate ?? rate &* UInt32(align)) + Self.little(align) + Self.little(bits) + formatTail
        return Self.chunk("fmt ", body, size: formatSize)
    }

    var bytes: [UInt8] {
        var body = Array(wave.utf8) + before
        if hasFormat { body += format }
        body += between
        if hasData { body += Self.chunk("data", data, size: dataSize) }
        body += after
        return Array(riff.utf8) + Self.little(riffSize ?? UInt32(body.count)) + body
    }

    static func with(_ change: (inout WAVBuilder) -> Void) -> [UInt8] {
        var builder = WAVBuilder()
        change(&builder)
        return builder.bytes
    }

    /// The rest of WAVEFORMATEXTENSIBLE.
    static func extensible(tag: UInt16, validBits: UInt16, mask: UInt32 = 4) -> [UInt8] {
        little(UInt16(22)) + little(validBits) + little(mask) + little(tag)
            + [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]
    }
}

/// A sine of `frequency` Hz, faded in and out over a tenth of its length.
func tone(_ frequency: Double, rate: Int, seconds: Double, amplitude: Double = 0.5) -> Waveform {
    let count = Int(seconds * Double(rate))
    return Waveform(
        samples: (0..<count).map { index in
            let edge = min(1, Double(min(index, count - index)) / (0.1 * Double(count)))
            return Float(amplitude * edge * sin(2 * .pi * frequency * Double(index) / Double(rate)))
        }, sampleRate: rate)
}
