/// How a text is cut into words before BPE; merges never cross a cut.
///
/// The rules are written by hand over Unicode scalars (`PreTokenizer+Rules.swift`): no regular expression runs on a text.
/// Files name a rule in four ways (GGUF by name, tokenizer.json by components, tekken.json by its pattern, tiktoken not at
/// all); whatever is not one of these rules is refused by name, since a near miss gives plausible but wrong ids.
public enum PreTokenizer: String, Sendable, CaseIterable {
    /// GPT-2: contractions, ` ?letters`, ` ?numbers`, ` ?others`, white space.
    case gpt2
    /// SmolLM: every numeric character alone first; each stretch between them by GPT-2's rule on its own.
    case smollm
    /// Qwen2 and later: contractions in any case, letters with one leading mark, single digits, line ends apart.
    case qwen2
    /// Tekken (Mistral): letters with one leading mark, cut where a capital follows a small letter; single digits; slashes and
    /// line ends with the marks before them.
    case tekken

    /// The rule a GGUF file names in `tokenizer.ggml.pre`.
    /// - Throws: `TokenizationError` naming an unknown rule.
    public init(ggufName name: String) throws {
        switch name {
        case "gpt-2", "gpt2": self = .gpt2
        case "smollm": self = .smollm
        case "qwen2": self = .qwen2
        default:
            throw TokenizationError(
                "tokenizer.ggml.pre: unknown pre-tokeniser \"\(name.prefix(80))\"; known: gpt-2, smollm, qwen2")
        }
    }

    static let gpt2Pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    package static let qwen2Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    package static let tekkenPattern =
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// The rule `pre_tokenizer` of a tokenizer.json describes.
    init(_ field: JSONPlace) throws {
        var parts: [String] = []
        let kind = try field.required("type").string()
        let steps = kind == "Sequence" ? try field.required("pretokenizers").items() : [field]
        for step in steps { parts.append(try Self.component(step)) }
        switch parts {
        case ["gpt2"], ["split gpt2", "bytes"]: self = .gpt2
        case ["digits", "gpt2"]: self = .smollm
        case ["split qwen2", "bytes"]: self = .qwen2
        case ["split tekken", "bytes"]: self = .tekken
        default:
            throw TokenizationError(
                "\(field.path): unknown sequence of pre-tokenisers (\(parts.joined(separator: ", ").prefix(200))); known: "
                    + "ByteLevel; Digits, ByteLevel; Split by Qwen2's, Tekken's or GPT-2's pattern, ByteLevel without pattern"
            )
        }
    }

    private static func component(_ field: JSONPlace) throws -> String {
        let type = try field.required("type")
        switch try type.string() {
        case "ByteLevel":
            guard try !field.flag("add_prefix_space", absent: true) else {
                throw TokenizationError("\(field.path).add_prefix_space: only false is supported")
            }
            return try field.flag("use_regex", absent: true) ? "gpt2" : "bytes"
        case "Digits":
            guard try field.flag("individual_digits", absent: false) else {
                throw TokenizationError("\(field.path).individual_digits: only true is supported")
            }
            return "digits"
        case "Split":
            let pattern = try field.required("pattern").required("Regex")
            guard try field.required("behavior").string() == "Isolated" else {
                throw TokenizationError("\(field.path).behavior: only \"Isolated\" is supported")
            }
            guard try !field.flag("invert", absent: false) else {
                throw TokenizationError("\(field.path).invert: only false is supported")
            }
            switch try pattern.string() {
            case gpt2Pattern: return "split gpt2"
            case qwen2Pattern: return "split qwen2"
            case tekkenPattern: return "split tekken"
            case let other:
                throw TokenizationError(
                    "\(pattern.path): unknown pattern \"\(other.prefix(160))\"; known are GPT-2's, Qwen2's and Tekken's"
                )
            }
        case let other:
            throw TokenizationError(
                "\(type.path): unknown pre-tokeniser \"\(other.prefix(80))\"; known: Sequence, Digits, ByteLevel, Split"
            )
        }
    }
}
