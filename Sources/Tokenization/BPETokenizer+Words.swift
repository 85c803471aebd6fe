extension BPETokenizer {
    /// The ordinary pieces that are a space and at least three small letters, in the order of their ids. Merges are learnt
    /// by frequency, so that frequent words come first; some pieces are beginnings of words.
    public var words: [String] {
        (0..<Int32(vocabularySize)).compactMap { id in
            guard !isSpecial(id), let piece = piece(id), let first = piece.unicodeScalars.first, first == "\u{120}"
            else {
                return nil
            }
            let letters = piece.unicodeScalars.dropFirst()
            guard letters.count >= 3, letters.allSatisfy({ ("a"..."z").contains($0) }) else { return nil }
            return String(String.UnicodeScalarView(letters))
        }
    }
}
