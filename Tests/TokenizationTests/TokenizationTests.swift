import Foundation
import Tokenization
import XCTest

/// Ids against the reference libraries on 10,000 strings of many scripts, and on 100 texts that can be looked at.
final class GoldenTokenizationTests: XCTestCase {
    private func compare(_ tokenizer: BPETokenizer, _ name: String, line: UInt = #line) throws {
        let texts = try GoldenText.strings(seed: 1, count: 10_000)
        let expected = try GoldenText.lines("hashes-\(name).txt").map { try XCTUnwrap(UInt64($0, radix: 16)) }
        XCTAssertEqual(expected.count, 1000, line: line)
        let ids = texts.map { tokenizer.encode($0) }
        let wrong = expected.indices.filter { GoldenText.hash(ids[$0 * 10..<$0 * 10 + 10]) != expected[$0] }
        XCTAssertEqual(wrong, [], "strings \(wrong.prefix(3).map { texts[$0 * 10..<$0 * 10 + 10] })", line: line)
    }

    func testSmolLM() throws { try compare(GoldenText.smollm(), "smollm") }

    func testQwen2() throws { try compare(GoldenText.qwen2(), "qwen2") }

    func testArraysAsInGGUF() throws {
        let json = try GoldenText.smollm()
        let (pieces, merges, types) = try Self.arrays(of: "smollm.json")
        let tokenizer = try BPETokenizer(
            pieces: pieces, merges: merges, tokenTypes: types, preTokenizer: PreTokenizer(ggufName: "smollm"))
        XCTAssertEqual(tokenizer.vocabularySize, json.vocabularySize)
        try compare(tokenizer, "smollm")
    }

    func testGPT2Rule() throws {
        let (pieces, merges, types) = try Self.arrays(of: "smollm.json")
        try compare(BPETokenizer(pieces: pieces, merges: merges, tokenTypes: types, preTokenizer: .gpt2), "gpt2")
    }

    func testTiktoken() throws { try compare(Self.tiktoken(), "tiktoken") }

    func testTekken() throws {
        let tokenizer = try BPETokenizer(tekken: GoldenText.file("tekken.json"))
        XCTAssertEqual(tokenizer.vocabularySize, 2970, "the rest of the list has no id")
        XCTAssertEqual(tokenizer.id(of: "[AUDIO]"), 7)
        XCTAssertEqual(tokenizer.encode("<s>[INST]", allowSpecial: true), [1, 3])
        try compare(tokenizer, "tekken")
    }

    /// The words alone: where merges would not show a wrong cut.
    func testTekkenWords() throws {
        let texts = try GoldenText.strings(seed: 1, count: 10_000)
        let expected = try GoldenText.lines("hashes-tekken-words.txt").map { try XCTUnwrap(UInt64($0, radix: 16)) }
        let lengths = texts.map { PreTokenizer.tekken.words(of: $0).map { Int32($0.utf8.count) } }
        let wrong = expected.indices.filter { GoldenText.hash(lengths[$0 * 10..<$0 * 10 + 10]) != expected[$0] }
        XCTAssertEqual(expected.count, 1000)
        XCTAssertEqual(wrong, [], "strings \(wrong.prefix(3).map { texts[$0 * 10..<$0 * 10 + 10] })")
    }

    func testTekkenInTokenizerJSON() throws {
        let text = try String(contentsOf: GoldenText.file("qwen2.json"), encoding: .utf8)
            .replacing(Self.escaped(PreTokenizer.qwen2Pattern), with: Self.escaped(PreTokenizer.tekkenPattern))
            .replacing("\"normalizer\":{\"type\":\"NFC\"}", with: "\"normalizer\":null")
        let tokenizer = try BPETokenizer(tokenizerJSON: Array(text.utf8))
        XCTAssertEqual(tokenizer.preTokenizer, .tekken)
        try compare(tokenizer, "tekken-json")
    }

    private static func escaped(_ pattern: String) -> String { pattern.replacing("\\", with: "\\\\") }

    func testFullSmolLM() throws {
        let files = GoldenText.cached("smol", "tokenizer.json")
        guard let file = files.first else {
            throw XCTSkip("no smol*/tokenizer.json in \(GoldenText.cache.path); convert the embedded model to have one")
        }
        let tokenizer = try BPETokenizer(tokenizerJSON: file)
        XCTAssertEqual(tokenizer.vocabularySize, 49152)
        try compare(tokenizer, "smollm-full")
    }

    func testFullQwenRanks() throws {
        guard let file = GoldenText.cached("qwen", "qwen.tiktoken").first else {
            throw XCTSkip("no qwen*/qwen.tiktoken in \(GoldenText.cache.path)")
        }
        try compare(BPETokenizer(tiktoken: file, specials: [("<|endoftext|>", 151643)]), "qwen-full")
    }

    func testFullTekken() throws {
        guard let file = GoldenText.cached("tekken", "tekken.json").first else {
            throw XCTSkip("no tekken*/tekken.json in \(GoldenText.cache.path)")
        }
        let tokenizer = try BPETokenizer(tekken: file)
        XCTAssertEqual(tokenizer.vocabularySize, 131_072)
        try compare(tokenizer, "tekken-full")
    }

    private struct Row: Decodable {
        let text: String
        let smollm: [Int32]
        let smollm_decoded: String
        let qwen2: [Int32]
        let qwen2_decoded: String
        let tiktoken: [Int32]
    }

    func testExplicitIdsAndTexts() throws {
        let rows = try JSONDecoder().decode([Row].self, from: Data(contentsOf: GoldenText.file("explicit.json")))
        XCTAssertGreaterThanOrEqual(rows.count, 100)
        let smollm = try GoldenText.smollm()
        let qwen2 = try GoldenText.qwen2()
        let tiktoken = try Self.tiktoken()
        for row in rows {
            XCTAssertEqual(smollm.encode(row.text, allowSpecial: true), row.smollm, row.text)
            XCTAssertEqual(qwen2.encode(row.text, allowSpecial: true), row.qwen2, row.text)
            XCTAssertEqual(tiktoken.encode(row.text, allowSpecial: true), row.tiktoken, row.text)
            XCTAssertEqual(Array(smollm.decode(row.smollm).utf8), Array(row.smollm_decoded.utf8), row.text)
            XCTAssertEqual(Array(qwen2.decode(row.qwen2).utf8), Array(row.qwen2_decoded.utf8), row.text)
        }
    }

    static func tiktoken() throws -> BPETokenizer {
        let ranks = try GoldenText.file("ranks.tiktoken")
        let names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"]
        let count = try Int32(GoldenText.lines("ranks.tiktoken").count)
        return try BPETokenizer(
            tiktoken: ranks, specials: zip(names, count...).map { (content: $0, id: $1) }, preTokenizer: .qwen2)
    }

    /// The arrays a GGUF would hold for this tokenizer.json.
    static func arrays(of name: String) throws -> ([String], [String], [Int32]) {
        let tokenizer = try BPETokenizer(tokenizerJSON: GoldenText.file(name))
        let pieces = try (0..<Int32(tokenizer.vocabularySize)).map { try XCTUnwrap(tokenizer.piece($0)) }
        let types = (0..<Int32(tokenizer.vocabularySize)).map { Int32(tokenizer.isSpecial($0) ? 3 : 1) }
        let root = JSONPlace(
            try TokenizerJSONParser.parse(Array(Data(contentsOf: GoldenText.file(name))), source: name), path: name)
        let merges = try root.required("model").required("merges").items().map { item in
            if case .string(let text) = item.value { return text }
            return try item.items().map { try $0.string() }.joined(separator: " ")
        }
        return (pieces, merges, types)
    }
}
