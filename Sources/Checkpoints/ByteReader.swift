import Foundation

/// Reads little-endian values one after another; every step is checked against the end.
struct ByteReader {
    let bytes: UnsafeRawBufferPointer
    let path: String
    private(set) var place = 0

    init(_ bytes: UnsafeRawBufferPointer, path: String) {
        self.bytes = bytes
        self.path = path
    }

    var remaining: Int { bytes.count - place }

    func error(_ what: String) -> CheckpointError { CheckpointError("\(path), byte \(place): \(what)") }

    /// The next `count` bytes.
    mutating func take(_ count: Int, _ what: @autoclosure () -> String) throws -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else {
            throw error("\(what()) needs \(count) bytes, \(remaining) are left: cut off or damaged")
        }
        defer { place += count }
        return UnsafeRawBufferPointer(rebasing: bytes[place..<place + count])
    }

    /// A fixed-width integer.
    mutating func integer<T: FixedWidthInteger>(_ type: T.Type, _ what: @autoclosure () -> String) throws -> T {
        T(littleEndian: try take(MemoryLayout<T>.size, what()).loadUnaligned(as: T.self))
    }

    /// A count or length that must be at most `limit`.
    mutating func count<T: FixedWidthInteger>(
        _ type: T.Type, atMost limit: Int, _ what: @autoclosure () -> String
    ) throws -> Int {
        let value = try integer(type, what())
        guard value >= 0, value <= limit else {
            throw error("\(what()) is \(value), at most \(limit) is possible here")
        }
        return Int(value)
    }

    /// `count` bytes of UTF-8.
    mutating func text(_ count: Int, _ what: @autoclosure () -> String) throws -> String {
        let piece = try take(count, what())
        guard let text = String(validating: piece, as: UTF8.self) else { throw error("\(what()) is not UTF-8") }
        return text
    }
}

/// A name for error texts: short, without control characters.
func shown(_ name: String) -> String {
    String(String.UnicodeScalarView(name.unicodeScalars.prefix(120).filter { $0.value >= 0x20 && $0.value != 0x7f }))
}
