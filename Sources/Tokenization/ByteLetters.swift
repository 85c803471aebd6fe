/// Byte-level BPE writes every byte as one printable letter, so that a vocabulary is plain text.
///
/// Bytes that are printable in Latin-1 stand for themselves; the other 68 are written as U+0100, U+0101, ... in order
/// (GPT-2's table; space becomes U+0120). A piece made only of such letters has exactly one byte string.
package enum ByteLetters {
    /// The letter of each byte, 256 entries.
    package static let letters: [Unicode.Scalar] = {
        var table: [Unicode.Scalar] = []
        table.reserveCapacity(256)
        var next: UInt32 = 256
        for byte in UInt32(0)..<256 {
            let plain = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
            table.append(Unicode.Scalar(plain ? byte : next) ?? " ")
            if !plain { next += 1 }
        }
        return table
    }()

    /// The byte of each letter, indexed by scalar value; -1 where the scalar is no byte letter.
    private static let bytes: [Int16] = {
        var table = [Int16](repeating: -1, count: 324)
        for (byte, letter) in letters.enumerated() { table[Int(letter.value)] = Int16(byte) }
        return table
    }()

    /// The bytes a piece stands for, or nil when a character of it is no byte letter.
    package static func bytes(of piece: String) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(piece.utf8.count)
        for scalar in piece.unicodeScalars {
            guard scalar.value < UInt32(bytes.count) else { return nil }
            let byte = bytes[Int(scalar.value)]
            guard byte >= 0 else { return nil }
            result.append(UInt8(byte))
        }
        return result
    }

    /// The piece that stands for these bytes.
    package static func piece(of bytes: some Sequence<UInt8>) -> String {
        var piece = String.UnicodeScalarView()
        for byte in bytes { piece.append(letters[Int(byte)]) }
        return String(piece)
    }
}

/// A byte string as dictionary key. Not `String`: Swift's strings are equal under canonical equivalence, so that two
/// different pieces (composed and decomposed) would fall on one entry.
package struct ByteKey: Hashable, Sendable {
    package let bytes: [UInt8]
    package init(_ bytes: [UInt8]) { self.bytes = bytes }
    package init(_ text: String) { bytes = Array(text.utf8) }
    package func hash(into hasher: inout Hasher) {
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}
