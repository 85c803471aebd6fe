/// Byte-level byte-pair encoding: text to token ids and back.
///
/// Four kinds of file hold such a tokenizer, each with its own initialiser: the arrays of a GGUF file, a
/// `tokenizer.json`, a tiktoken rank file, a `tekken.json`. All become one vocabulary, one table of merges and one rule for cutting text
/// into words. Encoding: normalise, cut into words, merge the bytes of each word by rank. User text never becomes a
/// special token unless the caller says `allowSpecial`.
///
///     let tokenizer = try BPETokenizer(tokenizerJSON: bytes)
///     let ids = tokenizer.encode("Hello, world")
///     tokenizer.decode(ids)                                   // "Hello, world"
///     let stop = try tokenizer.require(special: "<|im_end|>")
///
/// A vocabulary may lack pieces for some bytes (SmolLM2's lacks U+0004 and the lead bytes of unassigned planes): these
/// bytes are left out when encoding, as the reference library does.
public final class BPETokenizer: Sendable {
    let vocabulary: Vocabulary
    let merges: MergeTable
    /// The token of each single byte, -1 where the vocabulary has none.
    let byteTokens: [Int32]
    /// Whole words that are looked up before any merging (tiktoken, Tekken, and `ignore_merges`); empty otherwise.
    let wholeWords: [ByteKey: Int32]
    /// How text is cut into words.
    public let preTokenizer: PreTokenizer
    /// What is done to text before it is cut.
    public let normalizer: TextNormalizer

    init(
        vocabulary: Vocabulary, merges: MergeTable, wholeWordsFirst: Bool, preTokenizer: PreTokenizer,
        normalizer: TextNormalizer, field: String
    ) throws {
        var byteTokens = [Int32](repeating: -1, count: 256)
        var wholeWords: [ByteKey: Int32] = [:]
        for (index, role) in vocabulary.roles.enumerated() where role == .bytes {
            let bytes = vocabulary.bytes[index]
            // Only a piece of byte letters stands for its bytes; any other is a name that no text can reach.
            guard ByteLetters.bytes(of: vocabulary.pieces[index]) != nil else { continue }
            if bytes.count == 1 { byteTokens[Int(bytes[0])] = Int32(index) }
            if wholeWordsFirst { wholeWords[ByteKey(bytes)] = Int32(index) }
        }
        guard vocabulary.count > 0 else { throw TokenizationError("\(field): the vocabulary is empty") }
        for byte in 0x20...0x7E where byteTokens[byte] < 0 {
            throw TokenizationError(
                "\(field): no piece for the byte 0x\(String(byte, radix: 16)); expected one for every printable ASCII "
                    + "character, as a byte-level vocabulary has")
        }
        self.vocabulary = vocabulary
        self.merges = merges
        self.byteTokens = byteTokens
        self.wholeWords = wholeWords
        self.preTokenizer = preTokenizer
        self.normalizer = normalizer
    }

    /// One more than the largest id. Ids in between may have no piece; a model's embedding may have more rows.
    public var vocabularySize: Int { vocabulary.count }

    /// The piece of an id, as its file writes it (byte letters for ordinary pieces), or nil if there is none.
    public func piece(_ id: Int32) -> String? {
        guard let role = role(id), role != .hole else { return nil }
        return vocabulary.pieces[Int(id)]
    }

    /// The id of a piece written as in the file: special tokens by name, ordinary ones in byte letters.
    public func id(of piece: String) -> Int32? { vocabulary.id(of: piece) }

    /// Whether the id is a special token: one that decoding leaves out.
    public func isSpecial(_ id: Int32) -> Bool { role(id) == .special }

    /// All tokens that were added by hand, special or not, in order of id.
    public var addedTokens: [(id: Int32, content: String)] {
        vocabulary.roles.indices.compactMap { index in
            let role = vocabulary.roles[index]
            return role == .added || role == .special ? (Int32(index), vocabulary.pieces[index]) : nil
        }
    }

    /// The id of a special or added token, which the model cannot do without.
    /// - Throws: `TokenizationError` naming the token and those there are.
    public func require(special name: String) throws -> Int32 {
        if let id = id(of: name), let role = role(id), role == .special || role == .added { return id }
        let known = addedTokens.prefix(20).map { quoted($0.content) }.joined(separator: ", ")
        throw TokenizationError(
            "the tokenizer has no special token \(quoted(name)), which the model's prompt needs; it has "
                + (known.isEmpty ? "none" : known) + ". Take the tokenizer that belongs to the model")
    }

    func role(_ id: Int32) -> Vocabulary.Role? {
        id >= 0 && Int(id) < vocabulary.roles.count ? vocabulary.roles[Int(id)] : nil
    }
}
