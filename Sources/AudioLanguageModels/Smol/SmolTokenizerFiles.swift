import Checkpoints
import Foundation

/// tokenizer.json and tokenizer_config.json from the tokens and merges of a GGUF file: byte-level BPE in which every
/// digit stands alone.
struct SmolTokenizerFiles {
    let tokenizer: String
    let config: JSONValue
    let specials: [(id: Int, text: String)]

    init(_ gguf: GGUFFile) throws {
        let metadata = SmolMetadata(gguf)
        guard try metadata.string("tokenizer.ggml.model") == "gpt2",
            try metadata.string("tokenizer.ggml.pre") == "smollm"
        else { throw CheckpointError("\(gguf.url.path): expected the tokenizer gpt2 with the splitting rule smollm") }
        let tokens = try metadata.strings("tokenizer.ggml.tokens")
        let merges = try metadata.strings("tokenizer.ggml.merges")
        let types = try metadata.integers("tokenizer.ggml.token_type")
        guard !tokens.isEmpty else { throw CheckpointError("\(gguf.url.path): tokenizer.ggml.tokens is empty") }
        guard types.count == tokens.count, Set(tokens).count == tokens.count else {
            throw CheckpointError("\(gguf.url.path): the tokens are not all different or have not one type each")
        }
        specials = types.indices.filter { types[$0] == 3 }.map { ($0, tokens[$0]) }  // 3: a control token
        let byteLevel = "\"type\": \"ByteLevel\", \"trim_offsets\": true, \"use_regex\": true"
        tokenizer = """
            {
              "version": "1.0",
              "truncation": null,
              "padding": null,
              "added_tokens": [
            \(Self.lines(specials.map { "    {\"id\": \($0.id), \"content\": \(JSONValue.quoted($0.text)), \(Self.plain)}" }))
              ],
              "normalizer": null,
              "pre_tokenizer": {
                "type": "Sequence",
                "pretokenizers": [
                  {"type": "Digits", "individual_digits": true},
                  {\(byteLevel), "add_prefix_space": false}
                ]
              },
              "post_processor": null,
              "decoder": {\(byteLevel), "add_prefix_space": true},
              "model": {
                "type": "BPE",
                "dropout": null,
                "unk_token": null,
                "continuing_subword_prefix": null,
                "end_of_word_suffix": null,
                "fuse_unk": false,
                "byte_fallback": false,
                "ignore_merges": false,
                "vocab": {
            \(Self.lines(tokens.enumerated().map { "      \(JSONValue.quoted($0.element)): \($0.offset)" }))
                },
                "merges": [
            \(Self.lines(merges.map { "      \(JSONValue.quoted($0))" }))
                ]
              }
            }

            """
        func token(_ key: String) throws -> JSONValue {
            .string(tokens[try metadata.int("tokenizer.ggml.\(key)_token_id", in: 0...tokens.count - 1)])
        }
        let added = specials.map { special in
            let fields: JSONValue = [
                "content": .string(special.text), "lstrip": false, "normalized": false, "rstrip": false,
                "single_word": false, "special": true,
            ]
            return (String(special.id), fields)
        }
        config = [
            // Any class but the plain one would put its own splitting rule in place of the file's.
            "tokenizer_class": "PreTrainedTokenizerFast", "add_prefix_space": false,
            "clean_up_tokenization_spaces": false, "bos_token": try token("bos"), "eos_token": try token("eos"),
            "unk_token": try token("unknown"), "pad_token": try token("padding"),
            "model_max_length": .integer(try metadata.int("llama.context_length", in: 1...100_000_000)),
            "chat_template": .string(try metadata.string("tokenizer.chat_template")),
            "added_tokens_decoder": .object(Dictionary(added, uniquingKeysWith: { first, _ in first })),
        ]
    }

    private static let plain =
        "\"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true"

    private static func lines(_ items: [String]) -> String { items.joined(separator: ",\n") }
}
