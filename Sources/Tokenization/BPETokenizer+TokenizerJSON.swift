import Foundation

/// A tokenizer from a `tokenizer.json`.
///
/// Read are `model`, `added_tokens`, `normalizer` and `pre_tokenizer`. `post_processor`, `truncation` and `padding` are
/// not: what goes around a text is the business of the chat template. Components that would change ids and are not
/// known here are refused by name.
extension BPETokenizer {
    /// Reads the file at `url`.
    /// - Throws: `TokenizationError` naming the file and field.
    public convenience init(tokenizerJSON url: URL) throws {
        try self.init(tokenizerJSON: readBytes(url), name: url.lastPathComponent)
    }

    /// Reads the contents of a file; `name` is what errors call it.
    /// - Throws: `TokenizationError` naming the field.
    public convenience init(tokenizerJSON bytes: [UInt8], name: String = "tokenizer.json") throws {
        let root = JSONPlace(try TokenizerJSONParser.parse(bytes, source: name), path: name)
        let model = try root.required("model")
        try Self.checkModel(model)
        var vocabulary = try Self.pieces(of: model.required("vocab"))
        // Merges are read before the added tokens: a file may list an added token's piece in the vocabulary as well.
        for token in try root.optional("added_tokens")?.items() ?? [] { try Self.add(token, to: &vocabulary) }
        try self.init(
            vocabulary: vocabulary, merges: Self.merges(of: model.required("merges"), in: vocabulary),
            wholeWordsFirst: model.flag("ignore_merges", absent: false),
            preTokenizer: PreTokenizer(root.required("pre_tokenizer")),
            normalizer: Self.normalizer(root.optional("normalizer")), field: model.path + ".vocab")
    }

    private static func checkModel(_ model: JSONPlace) throws {
        if let type = try model.optional("type"), try type.string() != "BPE" {
            throw TokenizationError("\(type.path): expected \"BPE\", found \(quoted(try type.string()))")
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let field = try model.optional(key), try !field.string().isEmpty {
                throw TokenizationError("\(field.path): only an empty one is supported")
            }
        }
        if let field = try model.optional("dropout") {
            throw TokenizationError("\(field.path): expected null; only deterministic merging is supported")
        }
        // The unknown token is named by some files but never produced: user text must not become a special token.
        _ = try model.optional("unk_token")?.string()
        guard try !model.flag("byte_fallback", absent: false) else {
            throw TokenizationError("\(model.path).byte_fallback: only false is supported")
        }
    }

    static func pieces(of field: JSONPlace) throws -> Vocabulary {
        guard case .object(let members) = field.value else { throw field.wrong("an object of pieces and ids") }
        guard members.count <= TokenizerLimits.ids else {
            throw TokenizationError("\(field.path): \(members.count) pieces; at most \(TokenizerLimits.ids) are taken")
        }
        var vocabulary = Vocabulary(capacity: members.count)
        for (piece, value) in members {
            func path() -> String { "\(field.path).\(quoted(piece))" }
            guard case .integer(let number) = value else {
                throw TokenizationError("\(path()): expected an integer id, found \(value.kind)")
            }
            guard let id = Int32(exactly: number) else {
                throw TokenizationError("\(path()): id \(number) is outside 0..<\(TokenizerLimits.ids)")
            }
            try vocabulary.add(piece, id: id, role: .bytes, field: path())
        }
        return vocabulary
    }

    private static func add(_ token: JSONPlace, to vocabulary: inout Vocabulary) throws {
        for key in ["single_word", "lstrip", "rstrip"] where try token.flag(key, absent: false) {
            throw TokenizationError("\(token.path).\(key): only false is supported")
        }
        let content = try token.required("content")
        try vocabulary.add(
            content.string(), id: token.required("id").id(),
            role: token.flag("special", absent: false) ? .special : .added, field: content.path)
    }

    private static func merges(of field: JSONPlace, in vocabulary: Vocabulary) throws -> MergeTable {
        guard case .array(let values) = field.value else { throw field.wrong("an array of merges") }
        guard values.count <= TokenizerLimits.merges else {
            throw TokenizationError(
                "\(field.path): \(values.count) merges; at most \(TokenizerLimits.merges) are taken")
        }
        var table = MergeTable(capacity: values.count)
        for (rank, value) in values.enumerated() {
            func path() -> String { "\(field.path)[\(rank)]" }
            let pair: (String, String)
            switch value {
            case .string(let text): pair = try halves(of: text, field: path())
            case .array(let items):
                guard items.count == 2, case .string(let left) = items[0], case .string(let right) = items[1] else {
                    throw TokenizationError("\(path()): expected two strings, found an array of \(items.count) items")
                }
                pair = (left, right)
            default: throw JSONPlace(value, path: path()).wrong("\"left right\" or [\"left\", \"right\"]")
            }
            try table.add(pair.0, pair.1, rank: rank, in: vocabulary, field: path())
        }
        return table
    }

    private static func normalizer(_ field: JSONPlace?) throws -> TextNormalizer {
        guard let field else { return .none }
        let type = try field.required("type")
        switch try type.string() {
        case "NFC": return .nfc
        case "Sequence":
            let steps = try field.required("normalizers").items().map(normalizer)
            return steps.contains(.nfc) ? .nfc : .none
        case let other:
            throw TokenizationError("\(type.path): unknown normaliser \(quoted(other)); known: NFC, Sequence of NFC")
        }
    }
}

/// The bytes of a file, after its size has been checked.
func readBytes(_ url: URL) throws -> [UInt8] {
    let name = url.lastPathComponent
    do {
        let file = try FileHandle(forReadingFrom: url)
        defer { try? file.close() }
        // Real bytes are counted, not the size the file system claims: a pipe or device has none.
        var bytes: [UInt8] = []
        while let part = try file.read(upToCount: 1 << 20), !part.isEmpty {
            bytes.append(contentsOf: part)
            guard bytes.count <= TokenizerLimits.fileBytes else {
                throw TokenizationError("\(name): larger than the \(TokenizerLimits.fileBytes) bytes that are read")
            }
        }
        return bytes
    } catch let error as TokenizationError {
        throw error
    } catch {
        throw TokenizationError("\(name): cannot be read (\(error.localizedDescription)); check the model's folder")
    }
}
