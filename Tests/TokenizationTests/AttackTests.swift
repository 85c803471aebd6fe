import Foundation
import MLX
import TestSupport
import Tokenization
import XCTest

/// Malformed tokenizer files: each gives a typed error that names the field, in bounded time.
final class AttackTests: XCTestCase {
    private static let letters = (0..<256).map { ByteLetters.piece(of: [UInt8($0)]) }

    private static func quote(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    /// A sound little file: 256 letters, "ab", one special token; each part can be replaced.
    private func file(
        vocab: String? = nil, more: String = "", merges: String = #"["a b"]"#, added: String = "",
        pre: String = #"{"type":"ByteLevel","add_prefix_space":false}"#, model: String = "", root: String = ""
    ) -> String {
        let pieces = Self.letters.enumerated().map { "\(Self.quote($1)):\($0)" }.joined(separator: ",")
        let special = #"{"id":257,"content":"<|s|>","special":true}"#
        return """
            {\(root)"added_tokens":[\(special)\(added)],"normalizer":null,"pre_tokenizer":\(pre),
            "model":{"type":"BPE",\(model)"vocab":\(vocab ?? "{\(pieces),\"ab\":256\(more)}"),"merges":\(merges)}}
            """
    }

    private func refuse(_ text: String, _ field: String, line: UInt = #line) {
        refuse(Array(text.utf8), field, line: line)
    }

    private func refuse(_ bytes: [UInt8], _ field: String, line: UInt = #line) {
        let start = cpuSeconds()
        XCTAssertThrowsError(try BPETokenizer(tokenizerJSON: bytes), line: line) { error in
            XCTAssertTrue(error is TokenizationError, "\(error)", line: line)
            let text = "\(error)"
            XCTAssertTrue(text.contains(field), "expected \(field) in: \(text.prefix(300))", line: line)
            XCTAssertLessThan(text.utf8.count, 2000, line: line)
        }
        XCTAssertLessThan(cpuSeconds() - start, 5, line: line)
    }

    func testTheSoundFileLoads() throws {
        let tokenizer = try BPETokenizer(tokenizerJSON: Array(file().utf8))
        XCTAssertEqual(tokenizer.encode("ab<|s|>", allowSpecial: true), [256, 257])
    }

    func testSyntax() {
        refuse("", "tokenizer.json")
        refuse("{", "tokenizer.json")
        refuse("[]", "tokenizer.json: expected an object")
        refuse("null", "tokenizer.json: expected an object")
        refuse(file() + "x", "end of the document")
        refuse(String(file().dropLast(3)), "tokenizer.json.model")
        refuse(file(root: "\"x\":01,"), "malformed JSON at byte 6")
        refuse(file(root: "\"x\":[1,],"), "tokenizer.json.x")
        refuse(file(root: "\"x\":nul,"), "tokenizer.json.x")
        refuse(file(root: "\"x\":NaN,"), "tokenizer.json.x")
        refuse(file(root: "\"x\":\"a\nb\","), "tokenizer.json.x")
        refuse(file(root: "\"x\":" + String(repeating: "1", count: 1000) + ","), "tokenizer.json.x")
        refuse(Array("{\"x\":\"".utf8) + [0xFF, 0xC0, 0x80] + Array("\"}".utf8), "tokenizer.json.x")
    }

    func testDepthBombs() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let bomb = String(repeating: open, count: 10_000) + "1" + String(repeating: close, count: 10_000)
            refuse(file(root: "\"x\":\(bomb),"), "nested deeper")
            refuse(String(repeating: open, count: 1_000_000), "nested deeper")
        }
    }

    func testSizes() {
        refuse([UInt8](repeating: 0x20, count: TokenizerLimits.fileBytes + 1), "tokenizer.json")
        refuse([UInt8](repeating: 0x61, count: 100 << 20), "tokenizer.json")
        refuse("{\"x\":\"" + String(repeating: "a", count: 10_000_000), "tokenizer.json.x")
        refuse("{\"x\":[" + String(repeating: "0,", count: TokenizerLimits.jsonValues), "more than 4000000 values")
        let long = String(repeating: "a", count: 5000)
        refuse(file(more: ",\"\(long)\":300"), "model.vocab")
        refuse(file(added: #",{"id":300,"content":"\#(long)"}"#), "added_tokens[1].content")
    }

    func testDuplicateKeysAndSurrogates() {
        refuse(file(root: "\"model\":1,"), "tokenizer.json.model: this key stands twice")
        refuse(file(more: ",\"ab\":300"), "model.vocab.ab")
        refuse(file(more: #","\u0061b":300"#), "model.vocab.ab")
        refuse(file(more: #","x\ud800":300"#), "model.vocab")
        refuse(file(root: #""x":"\udc00","#), "tokenizer.json.x")
        refuse(file(root: #""x":"\ud800\u0041","#), "tokenizer.json.x")
        refuse(file(root: #""x":"\u12G4","#), "tokenizer.json.x")
        refuse(file(root: #""x":"\q","#), "tokenizer.json.x")
    }

    func testCanonicallyEqualPiecesAreDifferent() throws {
        let text = file(more: ",\"\\u00c5\\u00c5\":258,\"A\\u030aA\\u030a\":259")
        let tokenizer = try BPETokenizer(tokenizerJSON: Array(text.utf8))
        XCTAssertEqual(tokenizer.id(of: "\u{C5}\u{C5}"), 258)
        XCTAssertEqual(tokenizer.id(of: "A\u{30A}A\u{30A}"), 259)
    }

    func testIds() {
        refuse(file(more: ",\"x1\":-1"), #"model.vocab."x1""#)
        refuse(file(more: ",\"x1\":5"), #"model.vocab."x1""#)
        refuse(file(more: ",\"x1\":4294967296"), #"model.vocab."x1""#)
        refuse(file(more: ",\"x1\":99999999999999999999"), #"model.vocab."x1""#)
        refuse(file(more: ",\"x1\":1048576"), #"model.vocab."x1""#)
        refuse(file(more: ",\"x1\":2.5"), #"model.vocab."x1""#)
        refuse(file(more: ",\"x1\":\"7\""), #"model.vocab."x1""#)
        refuse(file(more: ",\"\":300"), "model.vocab")
        refuse(file(added: #",{"id":-1,"content":"<t>"}"#), "added_tokens[1].id")
        refuse(file(added: #",{"id":9000000000,"content":"<t>"}"#), "added_tokens[1].id")
        refuse(file(added: #",{"id":256,"content":"<t>"}"#), "added_tokens[1].content")
        refuse(file(added: #",{"id":300,"content":"<|s|>"}"#), "added_tokens[1].content")
        refuse(file(added: #",{"id":300,"content":""}"#), "added_tokens[1].content")
        refuse(file(added: #",{"content":"<t>"}"#), "added_tokens[1].id")
        refuse(file(added: #",{"id":300,"content":"<t>","lstrip":true}"#), "added_tokens[1].lstrip")
        refuse(file(added: ",7"), "added_tokens[1]")
    }

    func testVocabulary() {
        refuse(file(vocab: "{}"), "model.")
        refuse(file(vocab: "{}", merges: "[]"), "model.vocab")
        refuse(file(vocab: "{\"a\":0}", merges: "[]"), "model.vocab")
        refuse(file(vocab: "[]"), "model.vocab: expected an object")
        refuse(file(vocab: "null"), "model.vocab")
        refuse(file(added: #",{"id":97,"content":"a","special":true}"#), "a")
    }

    func testMerges() {
        refuse(file(merges: #"["a b","a q"]"#), "model.merges[1]")  // "aq" is missing
        refuse(file(merges: #"["ab zz"]"#), "model.merges[0]")
        refuse(file(merges: #"["ab"]"#), "model.merges[0]")
        refuse(file(merges: #"["a b c"]"#), "model.merges[0]")
        refuse(file(merges: #"[" b"]"#), "model.merges[0]")
        refuse(file(merges: #"["a b","a b"]"#), "model.merges[1]")
        refuse(file(merges: "[7]"), "model.merges[0]")
        refuse(file(merges: #"[["a"]]"#), "model.merges[0]")
        refuse(file(merges: #"[["a",1]]"#), "model.merges[0]")
        refuse(file(merges: "{}"), "model.merges: expected an array")
        refuse(file(more: #","<|s|>":257,"<|s|":258"#, merges: #"["<|s| >"]"#), "model.merges[0]")  // makes a special
    }

    func testComponents() {
        refuse(file(model: #""dropout":0.1,"#), "model.dropout")
        refuse(file(model: #""byte_fallback":true,"#), "model.byte_fallback")
        refuse(file(model: #""end_of_word_suffix":"</w>","#), "model.end_of_word_suffix")
        refuse(file().replacing("\"BPE\"", with: "\"Unigram\""), "model.type")
        refuse(
            file().replacing("\"normalizer\":null", with: "\"normalizer\":{\"type\":\"Lowercase\"}"), "normalizer.type")
        refuse(file(pre: "null"), "pre_tokenizer")
        refuse(file(pre: #"{"type":"Whitespace"}"#), "Whitespace")
        refuse(file(pre: #"{"type":"ByteLevel"}"#), "pre_tokenizer.add_prefix_space")
        refuse(file(pre: #"{"type":"Sequence","pretokenizers":[]}"#), "pre_tokenizer")
        refuse(file(pre: #"{"type":"Digits","individual_digits":false}"#), "pre_tokenizer.individual_digits")
        refuse(
            file(pre: #"{"type":"Split","pattern":{"Regex":"(a+)+$"},"behavior":"Isolated","invert":false}"#), "(a+)+$")
        XCTAssertThrowsError(try PreTokenizer(ggufName: "llama-bpe")) { XCTAssertTrue("\($0)".contains("llama-bpe")) }
    }

    func testArrays() {
        func refuse(_ pieces: [String], _ merges: [String], _ types: [Int32], _ field: String, line: UInt = #line) {
            XCTAssertThrowsError(
                try BPETokenizer(pieces: pieces, merges: merges, tokenTypes: types, preTokenizer: .smollm), line: line
            ) { XCTAssertTrue("\($0)".contains(field), "\($0)", line: line) }
        }
        let ones = [Int32](repeating: 1, count: 256)
        refuse([], [], [], "tokenizer.ggml.tokens")
        refuse(Self.letters, [], [1], "tokenizer.ggml.token_type")
        refuse(Self.letters, [], [Int32](repeating: 6, count: 256), "tokenizer.ggml.token_type[0]")
        refuse(Self.letters + ["a"], [], ones + [1], "tokenizer.ggml.tokens[256]")
        refuse(Self.letters + [""], [], ones + [1], "tokenizer.ggml.tokens[256]")
        refuse(Self.letters, ["a b"], ones, "tokenizer.ggml.merges[0]")
        refuse(Self.letters + ["ab"], ["a b", "a  b"], ones + [1], "tokenizer.ggml.merges[1]")
        refuse(Self.letters + ["ab"], ["a b"], ones + [3], "tokenizer.ggml.merges[0]")
    }

    func testRankFiles() {
        let sound = (0..<256).map { "\(Data([UInt8($0)]).base64EncodedString()) \($0)" }.joined(separator: "\n")
        func refuse(_ text: String, _ field: String, special: (String, Int32) = ("<s>", 999), line: UInt = #line) {
            XCTAssertThrowsError(
                try BPETokenizer(tiktoken: Array(text.utf8), specials: [(content: special.0, id: special.1)]),
                line: line
            ) { XCTAssertTrue("\($0)".contains(field), "\($0)", line: line) }
        }
        XCTAssertNoThrow(try BPETokenizer(tiktoken: Array((sound + "\r\n\n").utf8), specials: []))
        refuse("", "tiktoken.model")
        refuse(sound + "\nYWI=", "tiktoken.model:257")
        refuse(sound + "\nY!I= 256", "tiktoken.model:257")
        refuse(sound + "\n= 256", "tiktoken.model:257")
        refuse(sound + "\nYWI= x", "tiktoken.model:257")
        refuse(sound + "\nYWI= -1", "tiktoken.model:257")
        refuse(sound + "\nYWI= 2147483647", "tiktoken.model:257")
        refuse(sound + "\nYWI= 99999999999", "tiktoken.model:257")
        refuse(sound + "\nYWI= 7", "tiktoken.model:257")
        refuse(sound + "\nYQ== 300", "tiktoken.model:257")
        // Every cut of every piece would be tried.
        let long = (0..<70).map { n in
            "\(Data((0..<2000).map { UInt8(($0 * 7 + n) % 251) }).base64EncodedString()) \(256 + n)"
        }
        refuse(sound + "\n" + long.joined(separator: "\n"), "too long to be a vocabulary")
        refuse(sound, "specials[0]", special: ("a", 300))
        refuse(sound, "specials[0]", special: ("<s>", 7))
        refuse(sound, "specials[0]", special: ("<s>", -7))
        XCTAssertThrowsError(try BPETokenizer(tokenizerJSON: URL(fileURLWithPath: "/nowhere/tokenizer.json"))) {
            XCTAssertTrue("\($0)".contains("tokenizer.json"))
        }
    }

    func testTekkenFiles() throws {
        /// 256 bytes, "ab", ten special ids; each part can be replaced.
        func file(
            vocab: String = #"{"rank":256,"token_bytes":"YWI="}"#, size: String = "267", reserved: String = "10",
            special: String = #"{"rank":0,"token_str":"<s>","is_control":true}"#,
            pattern: String = PreTokenizer.tekkenPattern
        ) -> String {
            let bytes = (0..<256).map {
                "{\"rank\":\($0),\"token_bytes\":\"\(Data([UInt8($0)]).base64EncodedString())\"}"
            }.joined(separator: ",")
            return """
                {"config":{"pattern":\(Self.quote(pattern)),"default_vocab_size":\(size),
                "default_num_special_tokens":\(reserved)},"vocab":[\(bytes),\(vocab)],"special_tokens":[\(special)]}
                """
        }
        func refuse(_ text: String, _ field: String, line: UInt = #line) {
            XCTAssertThrowsError(try BPETokenizer(tekken: Array(text.utf8)), line: line) {
                XCTAssertTrue($0 is TokenizationError && "\($0)".contains(field), "\($0)", line: line)
            }
        }
        XCTAssertEqual(try BPETokenizer(tekken: Array(file().utf8)).encode("ab<s>", allowSpecial: true), [266, 0])
        refuse("{}", "tekken.json.config")
        refuse(file(pattern: #"\s+"#), #"tekken.json.config.pattern: unknown pattern "\s+""#)
        for size in ["5", "10", "268", "-1", "9000000000", "1.5"] { refuse(file(size: size), "default_vocab_size") }
        for reserved in ["-1", "1048576", "\"\""] { refuse(file(reserved: reserved), "default_num_special_tokens") }
        refuse(file(reserved: "300"), "default_vocab_size")
        refuse(file(vocab: #"{"rank":255,"token_bytes":"YWI="}"#), "vocab[256].rank")
        refuse(file(vocab: #"{"rank":256,"token_bytes":"Y!I="}"#), "vocab[256].token_bytes")
        refuse(file(vocab: #"{"rank":256,"token_bytes":""}"#), "vocab[256].token_bytes")
        refuse(file(vocab: #"{"rank":256,"token_bytes":"YQ=="}"#), "vocab[256]")
        refuse(file(vocab: #"{"rank":256}"#), "vocab[256].token_bytes")
        refuse(file(special: #"{"rank":10,"token_str":"<s>"}"#), "special_tokens[0].rank")
        refuse(file(special: #"{"rank":0,"token_str":"ab"}"#), "special_tokens[0].token_str")
        refuse(file(special: #"{"rank":0,"token_str":"<s>"},{"rank":0,"token_str":"<t>"}"#), "special_tokens[1]")
        refuse(file(special: "7"), "special_tokens[0]")
    }

    func testSeededMutationsNeverCrash() throws {
        let original = Array(file(added: #",{"id":300,"content":"<t>"}"#).utf8)
        var generator = SeededGenerator(seed: 1)
        var refused = 0
        for _ in 0..<3000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                case 2:
                    bytes.insert(Array("{}[]\",:\\-019e".utf8)[Int.random(in: 0..<13, using: &generator)], at: place)
                default: bytes.removeSubrange(place..<min(bytes.count, place + 40))
                }
            }
            do {
                let tokenizer = try BPETokenizer(tokenizerJSON: bytes)
                _ = tokenizer.decode(tokenizer.encode("ab a<|s|>", allowSpecial: true))
            } catch {
                XCTAssertTrue(error is TokenizationError)
                refused += 1
            }
        }
        XCTAssertGreaterThan(refused, 1000)
    }
}
