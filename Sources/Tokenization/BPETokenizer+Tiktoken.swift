import Foundation

/// A tokenizer from a tiktoken rank file: lines of "base64-bytes rank", where the rank is also the id.
///
/// There is no list of merges: any two neighbours whose bytes joined are a token may merge, at that token's rank. So
/// each token gives one rule per way of cutting it into two tokens. A word that is a token itself is taken whole.
extension BPETokenizer {
    /// - Parameters:
    ///   - url: the rank file.
    ///   - specials: special tokens with their ids, which the file does not hold.
    ///   - preTokenizer: the file does not name it; Qwen's and Kimi's is `.qwen2`.
    ///   - normalizer: as for GGUF files.
    public convenience init(
        tiktoken url: URL, specials: [(content: String, id: Int32)], preTokenizer: PreTokenizer = .qwen2,
        normalizer: TextNormalizer? = nil
    ) throws {
        try self.init(
            tiktoken: readBytes(url), specials: specials, preTokenizer: preTokenizer, normalizer: normalizer,
            name: url.lastPathComponent)
    }

    /// Reads the contents of a rank file; `name` is what errors call it.
    /// - Throws: `TokenizationError` naming the line or the special token.
    public convenience init(
        tiktoken bytes: [UInt8], specials: [(content: String, id: Int32)], preTokenizer: PreTokenizer = .qwen2,
        normalizer: TextNormalizer? = nil, name: String = "tiktoken.model"
    ) throws {
        guard bytes.count <= TokenizerLimits.fileBytes else {
            throw TokenizationError(
                "\(name): the file has \(bytes.count) bytes, at most \(TokenizerLimits.fileBytes) are read")
        }
        var vocabulary = Vocabulary(capacity: bytes.count / 16)
        for (index, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let line = line.last == 13 ? line.dropLast() : line
            guard !line.isEmpty else { continue }
            let field = "\(name):\(index + 1)"
            let columns = line.split(separator: 32, omittingEmptySubsequences: false)
            guard columns.count == 2 else {
                throw TokenizationError("\(field): expected \"base64 rank\", found \(columns.count) columns")
            }
            guard columns[0].count <= 2 * TokenizerLimits.pieceBytes, let token = Data(base64Encoded: Data(columns[0])),
                !token.isEmpty
            else { throw TokenizationError("\(field): the first column is no base64 of a token's bytes") }
            guard let rank = Int32(String(decoding: columns[1], as: UTF8.self)) else {
                throw TokenizationError(
                    "\(field): the rank \(quoted(String(decoding: columns[1], as: UTF8.self))) is no integer id")
            }
            let piece = ByteLetters.piece(of: token)
            guard vocabulary.id(of: piece) == nil else {
                throw TokenizationError("\(field): the token \(quoted(piece)) stands in the file twice")
            }
            try vocabulary.add(piece, id: rank, role: .bytes, field: field)
        }
        let table = try Self.cuts(of: vocabulary)
        for (index, special) in specials.enumerated() {
            let field = "\(name): specials[\(index)]"
            guard vocabulary.id(of: special.content) == nil else {
                throw TokenizationError("\(field): \(quoted(special.content)) is a token already")
            }
            try vocabulary.add(special.content, id: special.id, role: .special, field: field)
        }
        try self.init(
            vocabulary: vocabulary, merges: table, wholeWordsFirst: true, preTokenizer: preTokenizer,
            normalizer: normalizer ?? (preTokenizer == .qwen2 ? .nfc : .none), field: name)
    }

    /// A rule for every way of cutting a token into two others.
    static func cuts(of vocabulary: Vocabulary) throws -> MergeTable {
        var ids: [ByteKey: Int32] = [:]
        ids.reserveCapacity(vocabulary.count)
        for (index, role) in vocabulary.roles.enumerated() where role == .bytes {
            ids[ByteKey(vocabulary.bytes[index])] = Int32(index)
        }
        let work = vocabulary.bytes.reduce(0) { $0 + $1.count * $1.count }  // of at most 2^20 pieces of 4,096 bytes
        guard work <= TokenizerLimits.cutBytes else {
            throw TokenizationError(
                "the tokens are too long to be a vocabulary: the squares of their bytes make \(work)")
        }
        var table = MergeTable(capacity: vocabulary.count * 3)
        for (index, role) in vocabulary.roles.enumerated() where role == .bytes {
            let bytes = vocabulary.bytes[index]
            for cut in 1..<max(1, bytes.count) {
                guard let left = ids[ByteKey(Array(bytes[..<cut]))], let right = ids[ByteKey(Array(bytes[cut...]))]
                else {
                    continue
                }
                _ = table.add(left, right, rank: Int32(index), result: Int32(index))
                guard table.count <= 4 * TokenizerLimits.merges else {
                    throw TokenizationError("rank \(index): the tokens can be cut in too many ways to be a vocabulary")
                }
            }
        }
        return table
    }
}
