import Checkpoints
import Foundation

// Bytes and the special tokens only: a text has a few times more tokens than with the published vocabulary.

/// tokenizer.json as the Qwen families have it.
func writeQwenTokenizer(to folder: URL) throws {
    let plain = Set(33...126).union(161...172).union(174...255)
    var shifted = 256, vocabulary: [String: JSONValue] = [:]
    for byte in 0..<256 {
        if let scalar = UnicodeScalar(UInt32(plain.contains(byte) ? byte : shifted)) {
            vocabulary[String(scalar)] = .integer(byte)
        }
        if !plain.contains(byte) { shifted += 1 }
    }
    let specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"]
    let added = specials.enumerated().map { i, content -> JSONValue in
        ["id": .integer(151_643 + i), "content": .string(content), "special": true, "normalized": false]
    }
    let qwen =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    let split: JSONValue = [
        "type": "Split", "pattern": ["Regex": .string(qwen)], "behavior": "Isolated", "invert": false,
    ]
    let bytes: JSONValue = ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false]
    let file: JSONValue = [
        "version": "1.0", "added_tokens": .array(added), "normalizer": ["type": "NFC"],
        "pre_tokenizer": ["type": "Sequence", "pretokenizers": [split, bytes]],
        "model": ["type": "BPE", "vocab": .object(vocabulary), "merges": []],
    ]
    try AtomicFile.write(Data(file.text().utf8), to: folder.appendingPathComponent("tokenizer.json"))
    let chat: JSONValue = ["chat_template": "instruct"]
    try AtomicFile.write(Data(chat.text().utf8), to: folder.appendingPathComponent("tokenizer_config.json"))
}

/// tiktoken.model; the special tokens are those of the published models, which need no list.
func writeKimiTokenizer(to folder: URL) throws {
    let ranks = (0..<256).map { "\(Data([UInt8($0)]).base64EncodedString()) \($0)\n" }.joined()
    try AtomicFile.write(Data(ranks.utf8), to: folder.appendingPathComponent("tiktoken.model"))
}
