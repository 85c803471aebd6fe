import Foundation

/// The tokenizer of a model folder.
extension BPETokenizer {
    /// `tekken.json`, the original that a `tokenizer.json` beside it was converted from; else `tokenizer.json`; where that is
    /// absent `vocab.json`, `merges.txt` and the added tokens of `tokenizer_config.json`, which say the same (HF Qwen2Tokenizer).
    /// - Throws: `TokenizationError` naming the file and field.
    public convenience init(folder: URL) throws {
        func file(_ name: String) -> URL { folder.appendingPathComponent(name) }
        func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name).path) }
        if has("tekken.json") {
            try self.init(tekken: file("tekken.json"))
            return
        }
        if has("tokenizer.json") {
            try self.init(tokenizerJSON: file("tokenizer.json"))
            return
        }
        guard has("vocab.json"), has("merges.txt") else {
            throw TokenizationError(
                "\(folder.path) has neither tokenizer.json, tekken.json nor vocab.json with merges.txt: download the model's tokenizer"
            )
        }
        var vocabulary = try Self.pieces(
            of: JSONPlace(
                TokenizerJSONParser.parse(readBytes(file("vocab.json")), source: "vocab.json"), path: "vocab.json"))
        if has("tokenizer_config.json") {
            for token in try Self.addedTokens(file("tokenizer_config.json")) {
                try vocabulary.add(
                    token.content, id: token.id, role: token.special ? .special : .added, field: "tokenizer_config.json"
                )
            }
        }
        let lines = String(decoding: try readBytes(file("merges.txt")), as: UTF8.self)
            .split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("#version") }
        guard lines.count <= TokenizerLimits.merges else {
            throw TokenizationError("merges.txt: \(lines.count) merges; at most \(TokenizerLimits.merges) are taken")
        }
        var table = MergeTable(capacity: lines.count)
        for (rank, line) in lines.enumerated() {
            let field = "merges.txt, merge \(rank + 1)"
            let (left, right) = try Self.halves(of: String(line), field: field)
            try table.add(left, right, rank: rank, in: vocabulary, field: field)
        }
        try self.init(
            vocabulary: vocabulary, merges: table, wholeWordsFirst: false, preTokenizer: .qwen2, normalizer: .nfc,
            field: "vocab.json")
    }

    /// `added_tokens_decoder` of a tokenizer_config.json: an object of ids, each with the token's content.
    public static func addedTokens(_ config: URL) throws -> [(id: Int32, content: String, special: Bool)] {
        let name = config.lastPathComponent
        let root = JSONPlace(try TokenizerJSONParser.parse(readBytes(config), source: name), path: name)
        guard let field = try root.optional("added_tokens_decoder") else { return [] }
        guard case .object(let members) = field.value else { throw field.wrong("an object of ids and tokens") }
        return try members.map { key, value in
            let place = JSONPlace(value, path: "\(field.path).\(key)")
            guard let id = Int32(key), id >= 0 else { throw place.wrong("an id as its name") }
            return (id, try place.required("content").string(), try place.flag("special", absent: false))
        }
    }
}
