/// A tokenizer from the arrays of a GGUF file (`tokenizer.ggml.model` = "gpt2").
extension BPETokenizer {
    /// - Parameters:
    ///   - pieces: `tokenizer.ggml.tokens`; the index is the id.
    ///   - merges: `tokenizer.ggml.merges`, each "left right", best first.
    ///   - tokenTypes: `tokenizer.ggml.token_type`: 1 ordinary, 3 special, 4 added, 5 unused.
    ///   - preTokenizer: see `PreTokenizer(ggufName:)` for `tokenizer.ggml.pre`.
    ///   - normalizer: by default what the rule's family does: composition for Qwen2, none otherwise.
    /// - Throws: `TokenizationError` naming the array and index.
    public convenience init(
        pieces: [String], merges: [String], tokenTypes: [Int32], preTokenizer: PreTokenizer,
        normalizer: TextNormalizer? = nil
    ) throws {
        let tokens = "tokenizer.ggml.tokens"
        guard pieces.count <= TokenizerLimits.ids, merges.count <= TokenizerLimits.merges else {
            throw TokenizationError(
                "\(tokens): \(pieces.count) pieces and \(merges.count) merges; at most \(TokenizerLimits.ids) and "
                    + "\(TokenizerLimits.merges) are taken")
        }
        guard tokenTypes.count == pieces.count else {
            throw TokenizationError(
                "tokenizer.ggml.token_type: expected one type for each of the \(pieces.count) pieces, found "
                    + "\(tokenTypes.count)")
        }
        var vocabulary = Vocabulary(capacity: pieces.count)
        for (index, piece) in pieces.enumerated() {
            let role: Vocabulary.Role
            switch tokenTypes[index] {
            case 1, 5: role = .bytes
            case 3: role = .special
            case 4: role = .added
            case let type:
                throw TokenizationError(
                    "tokenizer.ggml.token_type[\(index)]: type \(type) does not occur in byte-level BPE; expected 1 "
                        + "(ordinary), 3 (special), 4 (added) or 5 (unused)")
            }
            try vocabulary.add(piece, id: Int32(index), role: role, field: "\(tokens)[\(index)]")
        }
        var table = MergeTable(capacity: merges.count)
        for (rank, merge) in merges.enumerated() {
            let field = "tokenizer.ggml.merges[\(rank)]"
            let (left, right) = try Self.halves(of: merge, field: field)
            try table.add(left, right, rank: rank, in: vocabulary, field: field)
        }
        try self.init(
            vocabulary: vocabulary, merges: table, wholeWordsFirst: false, preTokenizer: preTokenizer,
            normalizer: normalizer ?? (preTokenizer == .qwen2 ? .nfc : .none), field: tokens)
    }

    /// The two pieces of "left right".
    static func halves(of merge: String, field: String) throws -> (String, String) {
        let halves = merge.unicodeScalars.split(separator: " ", omittingEmptySubsequences: false)
        guard halves.count == 2, !halves[0].isEmpty, !halves[1].isEmpty else {
            throw TokenizationError("\(field): expected two pieces with one space between them, found \(quoted(merge))")
        }
        return (String(halves[0]), String(halves[1]))
    }
}

extension MergeTable {
    /// Adds the rule "left right" after looking up the three pieces it speaks of.
    mutating func add(
        _ left: String, _ right: String, rank: Int, in vocabulary: Vocabulary, field: @autoclosure () -> String
    ) throws {
        func known(_ piece: String) throws -> Int32 {
            guard let id = vocabulary.id(of: piece) else {
                throw TokenizationError("\(field()): the piece \(quoted(piece)) is not in the vocabulary")
            }
            guard vocabulary.roles[Int(id)] == .bytes else {
                throw TokenizationError(
                    "\(field()): \(quoted(piece)) is a special or added token; text must not reach it by merging")
            }
            return id
        }
        guard add(try known(left), try known(right), rank: Int32(rank), result: try known(left + right)) else {
            throw TokenizationError("\(field()): the pair \(quoted(left)), \(quoted(right)) has a merge already")
        }
    }
}
