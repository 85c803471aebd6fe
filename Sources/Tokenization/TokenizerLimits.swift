/// How large the parts of a tokenizer may be. Checked before memory is taken; the largest vocabulary of the families
/// served has 168,448 ids and a file of 11 MB.
package enum TokenizerLimits {
    /// Bytes of a tokenizer file.
    package static let fileBytes = 64 << 20
    /// Nesting of its JSON; a real file has 6 levels.
    package static let depth = 64
    /// Ids run from 0 to this, exclusive.
    package static let ids = 1 << 20
    /// Merge rules.
    package static let merges = 1 << 21
    /// Bytes of one piece.
    package static let pieceBytes = 4096
    /// Values of its JSON; real files have less than a million.
    package static let jsonValues = 4_000_000
    /// Of a rank file: the squares of its pieces' bytes in sum, which is what trying every cut takes. Real ones stay below 20 million.
    package static let cutBytes = 1 << 28
    /// Placeholders in one prompt.
    package static let promptTokens = 1 << 24
}
