/// A text laid out for splitting: its Unicode scalars with the class each rule asks for, and where each begins in UTF-8.
///
/// The classes are those of the regular expressions' `\p{L}`, `\p{N}` and `\s` in the Unicode tables of Swift's own
/// library. Measured against the reference library: the same on every scalar of Unicode 15; a later version's new
/// letters are letters here and may be "other" there.
package struct ScalarText {
    package enum Kind: UInt8 {
        case letter, number, space, other
    }

    package private(set) var scalars: [UInt32] = []
    package private(set) var kinds: [Kind] = []
    /// Offset of each scalar in `bytes`, and a last entry with their count.
    package private(set) var offsets: [Int32] = []
    package let bytes: [UInt8]

    package init(_ text: String) {
        var text = text
        bytes = text.withUTF8 { Array($0) }
        scalars.reserveCapacity(bytes.count)
        kinds.reserveCapacity(bytes.count)
        offsets.reserveCapacity(bytes.count + 1)
        var offset: Int32 = 0
        for scalar in text.unicodeScalars {
            scalars.append(scalar.value)
            kinds.append(Self.kind(of: scalar))
            offsets.append(offset)
            offset += Int32(truncatingIfNeeded: UTF8.width(scalar))
        }
        offsets.append(offset)
    }

    private static let ascii: [Kind] = (UInt8(0)..<128).map { slowKind(of: Unicode.Scalar($0)) }

    private static func kind(of scalar: Unicode.Scalar) -> Kind {
        scalar.value < 128 ? ascii[Int(scalar.value)] : slowKind(of: scalar)
    }

    private static func slowKind(of scalar: Unicode.Scalar) -> Kind {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: .letter
        case .decimalNumber, .letterNumber, .otherNumber: .number
        default: scalar.properties.isWhitespace ? .space : .other
        }
    }
}
