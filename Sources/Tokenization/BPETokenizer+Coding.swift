/// Text to ids and back.
extension BPETokenizer {
    /// The token ids of a text. Adds nothing before or after it.
    ///
    /// - Parameters:
    ///   - text: any text.
    ///   - allowSpecial: whether the names of special and added tokens in the text become those tokens (leftmost,
    ///     then longest, before anything else). Only for text the program wrote itself: with the default, what a user
    ///     writes stays text.
    public func encode(_ text: String, allowSpecial: Bool = false) -> [Int32] {
        var tokens: [Int32] = []
        guard allowSpecial else {
            encodePlain(text, into: &tokens)
            return tokens
        }
        let bytes = Array(text.utf8)
        vocabulary.matcher.split(
            bytes,
            plain: { encodePlain(String(decoding: bytes[$0], as: UTF8.self), into: &tokens) },
            special: { tokens.append($0) })
        return tokens
    }

    private func encodePlain(_ text: String, into tokens: inout [Int32]) {
        let scalars = ScalarText(normalizer.apply(text))
        tokens.reserveCapacity(tokens.count + scalars.bytes.count / 3)
        var word: [Int32] = []
        preTokenizer.forEachWord(in: scalars) { range in
            if !wholeWords.isEmpty, let whole = wholeWords[ByteKey(Array(scalars.bytes[range]))] {
                tokens.append(whole)
                return
            }
            word.removeAll(keepingCapacity: true)
            for byte in scalars.bytes[range] {
                let token = byteTokens[Int(byte)]
                if token >= 0 { word.append(token) }
            }
            merges.merge(word, into: &tokens)
        }
    }

    /// The text of token ids. Bytes that are no valid UTF-8 become U+FFFD; ids without a piece give nothing.
    public func decode(_ ids: [Int32], skipSpecial: Bool = true) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(ids.count * 4)
        for id in ids { bytes.append(contentsOf: self.bytes(of: id, skipSpecial: skipSpecial)) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes one id stands for.
    func bytes(of id: Int32, skipSpecial: Bool) -> [UInt8] {
        guard let role = role(id), role != .hole, !(skipSpecial && role == .special) else { return [] }
        return vocabulary.bytes[Int(id)]
    }
}
