/// Decodes tokens one by one while a model generates them.
///
/// A character may be spread over several tokens: bytes that could still become a character are held back until the
/// rest arrives. All that is returned, joined, equals `decode` of all ids at once.
///
///     var decoder = IncrementalDecoder(tokenizer)
///     for id in generated { print(decoder.append(id), terminator: "") }
///     print(decoder.finish())
public struct IncrementalDecoder: Sendable {
    private let tokenizer: BPETokenizer
    private let skipSpecial: Bool
    private var held: [UInt8] = []

    public init(_ tokenizer: BPETokenizer, skipSpecial: Bool = true) {
        self.tokenizer = tokenizer
        self.skipSpecial = skipSpecial
    }

    /// The text that is certain after this token; empty while a character is incomplete.
    public mutating func append(_ id: Int32) -> String {
        held.append(contentsOf: tokenizer.bytes(of: id, skipSpecial: skipSpecial))
        let certain = held.count - Self.openTail(held)
        guard certain > 0 else { return "" }
        let text = String(decoding: held[..<certain], as: UTF8.self)
        held.removeFirst(certain)
        return text
    }

    /// What is left at the end: U+FFFD for an incomplete character.
    public mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }

    /// How many bytes at the end are the beginning of a character that further bytes could complete.
    package static func openTail(_ bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let tail = bytes.suffix(length)
            guard let lead = tail.first else { return 0 }
            if (0x80..<0xC0).contains(lead) { continue }
            let needed = lead < 0xC2 || lead > 0xF4 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
            guard length < needed else { return 0 }
            guard let second = tail.dropFirst().first else { return length }
            // The second byte's range is narrower after these leads: overlong forms, surrogates, beyond U+10FFFF.
            let allowed: ClosedRange<UInt8> =
                switch lead {
                case 0xE0: 0xA0...0xBF
                case 0xED: 0x80...0x9F
                case 0xF0: 0x90...0xBF
                case 0xF4: 0x80...0x8F
                default: 0x80...0xBF
                }
            return allowed.contains(second) ? length : 0
        }
        return 0
    }
}
