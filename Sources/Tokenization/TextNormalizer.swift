import Foundation

/// What is done to a text before it is split.
public enum TextNormalizer: Sendable, Equatable {
    case none
    /// Canonical composition (the Qwen families).
    case nfc

    package func apply(_ text: String) -> String {
        guard self == .nfc else { return text }
        // Everything below U+0300 is composed already and never combines with what follows below it.
        if text.utf8.allSatisfy({ $0 < 0xCC }) { return text }
        return Self.composed(text)
    }

    /// Foundation's composition with its three defects on Linux worked around (found by comparing 200,000 random
    /// sequences with the reference): Tibetan double vowels are not put in order, U+11A7 is swallowed after a syllable,
    /// and some Hangul syllables are taken apart.
    private static func composed(_ text: String) -> String {
        var prepared = String.UnicodeScalarView()
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0xF73: prepared.append(contentsOf: "\u{F71}\u{F72}".unicodeScalars)
            case 0xF75: prepared.append(contentsOf: "\u{F71}\u{F74}".unicodeScalars)
            case 0xF81: prepared.append(contentsOf: "\u{F71}\u{F80}".unicodeScalars)
            case 0x11A7:
                // Composes with nothing on either side, so the text may be cut here.
                result += composeHangul(String(prepared).precomposedStringWithCanonicalMapping) + "\u{11A7}"
                prepared = String.UnicodeScalarView()
            default: prepared.append(scalar)
            }
        }
        return result + composeHangul(String(prepared).precomposedStringWithCanonicalMapping)
    }

    /// Joins Hangul letters and syllables that stand side by side.
    ///
    /// Foundation takes syllables apart when loose vowels or final consonants are near (U+1162 U+AC0E gives U+1162
    /// U+AC00 U+11B5). In composed text no such neighbours exist, so joining them is always right.
    private static func composeHangul(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { (0x1161...0x11C2).contains($0.value) }) else { return text }
        var composed = String.UnicodeScalarView()
        var last: UInt32?
        for scalar in text.unicodeScalars {
            if let before = last, let joined = joinedHangul(before, scalar.value), let syllable = Unicode.Scalar(joined)
            {
                composed.removeLast()
                composed.append(syllable)
                last = joined
            } else {
                composed.append(scalar)
                last = scalar.value
            }
        }
        return String(composed)
    }

    /// Unicode's arithmetic: leading consonant + vowel, or syllable without final + final consonant.
    private static func joinedHangul(_ first: UInt32, _ second: UInt32) -> UInt32? {
        switch (first, second) {
        case (0x1100...0x1112, 0x1161...0x1175):
            return 0xAC00 + ((first - 0x1100) * 21 + (second - 0x1161)) * 28
        case (0xAC00...0xD7A3, 0x11A8...0x11C2) where (first - 0xAC00) % 28 == 0:
            return first + (second - 0x11A7)
        default: return nil
        }
    }
}
