import Foundation

/// A tokenizer from a `tekken.json` (Mistral): tokens as base64 in the order of their ranks, special tokens in a list, and the
/// pattern that cuts words. Merging is tiktoken's. Special tokens have the first ids, ordinary ones their rank behind them.
extension BPETokenizer {
    /// Reads the file at `url`.
    /// - Throws: `TokenizationError` naming the file and field.
    public convenience init(tekken url: URL) throws {
        try self.init(tekken: readBytes(url), name: url.lastPathComponent)
    }

    /// Reads the contents of a file; `name` is what errors call it. Of the ordinary tokens only those count that fit into
    /// `default_vocab_size`: published files hold more.
    /// - Throws: `TokenizationError` naming the field, and a pattern that is not Tekken's.
    public convenience init(tekken bytes: [UInt8], name: String = "tekken.json") throws {
        let root = JSONPlace(try TokenizerJSONParser.parse(bytes, source: name), path: name)
        let config = try root.required("config")
        let pattern = try config.required("pattern")
        guard try pattern.string() == PreTokenizer.tekkenPattern else {
            throw TokenizationError(
                "\(pattern.path): unknown pattern \"\(try pattern.string().prefix(160))\"; only Tekken's own is known")
        }
        let size = try config.required("default_vocab_size")
        let reserved = try config.required("default_num_special_tokens").id()
        let ordinary = try size.id() - reserved
        let tokens = try root.required("vocab").items()
        guard ordinary > 0, ordinary <= tokens.count else {
            throw TokenizationError(
                "\(size.path): \(try size.id()) ids of which \(reserved) are special need \(ordinary) tokens; the file has "
                    + "\(tokens.count)")
        }
        var vocabulary = Vocabulary(capacity: Int(reserved + ordinary))
        for (rank, token) in tokens.prefix(Int(ordinary)).enumerated() {
            try vocabulary.add(
                Self.piece(token, rank: rank), id: reserved + Int32(rank), role: .bytes, field: token.path)
        }
        let table = try Self.cuts(of: vocabulary)
        for special in try root.required("special_tokens").items() {
            let content = try special.required("token_str"), rank = try special.required("rank")
            guard try rank.id() < reserved else {
                throw TokenizationError("\(rank.path): \(try rank.id()) is not below the \(reserved) special ids")
            }
            guard try vocabulary.id(of: content.string()) == nil else {
                throw TokenizationError("\(content.path): \(quoted(try content.string())) is a token already")
            }
            try vocabulary.add(content.string(), id: rank.id(), role: .special, field: content.path)
        }
        try self.init(
            vocabulary: vocabulary, merges: table, wholeWordsFirst: true, preTokenizer: .tekken, normalizer: .none,
            field: name)
    }

    /// The token of an entry of `vocab` in byte letters.
    private static func piece(_ token: JSONPlace, rank: Int) throws -> String {
        let stated = try token.required("rank")
        guard try stated.id() == rank else {
            throw TokenizationError("\(stated.path): \(try stated.id()), but the token is number \(rank) of the list")
        }
        let text = try token.required("token_bytes")
        guard try text.string().utf8.count <= 2 * TokenizerLimits.pieceBytes,
            let bytes = try Data(base64Encoded: text.string()), !bytes.isEmpty
        else { throw TokenizationError("\(text.path): no base64 of a token's bytes") }
        return ByteLetters.piece(of: bytes)
    }
}
