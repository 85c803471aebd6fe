import Foundation
import MLX
import TestSupport
import Tokenization
import XCTest

/// Properties that need no reference: round trips, streaming, special tokens, speed.
final class CodingTests: XCTestCase {
    func testRoundTripsOverRandomUnicode() throws {
        let tokenizer = try GoldenText.qwen2()  // has a piece for every byte
        let bare = try BPETokenizer(
            pieces: (0..<Int32(tokenizer.vocabularySize)).map { try XCTUnwrap(tokenizer.piece($0)) }, merges: [],
            tokenTypes: (0..<Int32(tokenizer.vocabularySize)).map { tokenizer.isSpecial($0) ? 3 : 1 },
            preTokenizer: .smollm)
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            var view = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0..<30, using: &generator) {
                let limit: UInt32 = [0x80, 0x800, 0x10000, 0x110000][Int.random(in: 0..<4, using: &generator)]
                if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &generator)) { view.append(scalar) }
            }
            let text = String(view)
            XCTAssertEqual(Array(bare.decode(bare.encode(text)).utf8), Array(text.utf8))
            let normal = TextNormalizer.nfc.apply(text)
            XCTAssertEqual(normal, text)  // canonically equal, which is how Swift compares
            XCTAssertEqual(Array(tokenizer.decode(tokenizer.encode(text)).utf8), Array(normal.utf8))
        }
    }

    func testWordsCoverTheTextWithoutGaps() throws {
        for text in try GoldenText.strings(seed: 5, count: 500) {
            for rule in PreTokenizer.allCases {
                let words = rule.words(of: text)
                XCTAssertEqual(Array(words.joined().utf8), Array(text.utf8))
                XCTAssertFalse(words.contains(""))
            }
        }
    }

    func testCompositionWhereFoundationErrs() {
        let cases: [([UInt32], [UInt32])] = [
            ([0x1162, 0xAC0E], [0x1162, 0xAC0E]), ([0x317, 0xF81], [0xF71, 0xF80, 0x317]),
            ([0x1103, 0x1168, 0x11A7], [0xB3A8, 0x11A7]), ([0x65, 0x301], [0xE9]), ([0x212B], [0xC5]),
            ([0x1100, 0x1161, 0x11A8], [0xAC01]), ([0x71, 0x307, 0x323], [0x71, 0x323, 0x307]),
        ]
        for (input, expected) in cases {
            let text = String(String.UnicodeScalarView(input.compactMap(Unicode.Scalar.init)))
            XCTAssertEqual(TextNormalizer.nfc.apply(text).unicodeScalars.map(\.value), expected)
            XCTAssertEqual(Array(TextNormalizer.none.apply(text).utf8), Array(text.utf8))
        }
    }

    func testSplitsByHand() {
        XCTAssertEqual(PreTokenizer.gpt2.words(of: "it's  12 cats'll"), ["it", "'s", " ", " 12", " cats", "'ll"])
        XCTAssertEqual(PreTokenizer.smollm.words(of: "a 12\u{BD}b  3"), ["a", " ", "1", "2", "\u{BD}", "b", "  ", "3"])
        XCTAssertEqual(
            PreTokenizer.qwen2.words(of: "It'S (ok)\n\n  x 12 !\r\n\t y"),
            ["It", "'S", " (", "ok", ")\n\n", " ", " x", " ", "1", "2", " !\r\n", "\t", " y"])
        XCTAssertEqual(
            PreTokenizer.tekken.words(of: "It'S camelCase ABCd a\u{301}B 12/x //\n/  \n y\u{30A2}Z \u{5B57}Ab"),
            [
                "It", "'S", " camel", "Case", " ABCd", " a\u{301}", "B", " ", "1", "2", "/x", " //\n/", "  \n",
                " y\u{30A2}", "Z",
                " \u{5B57}Ab",
            ])
    }

    func testStreamingEqualsDecodingAtOnce() throws {
        let tokenizer = try GoldenText.qwen2()
        var generator = SeededGenerator(seed: 11)
        for round in 0..<2000 {
            // Mostly single-byte tokens, so that characters break everywhere and many bytes are invalid.
            let top = round % 2 == 0 ? 300 : tokenizer.vocabularySize + 5
            let ids = (0..<40).map { _ in Int32.random(in: -2..<Int32(top), using: &generator) }
            var decoder = IncrementalDecoder(tokenizer)
            let streamed = ids.map { decoder.append($0) }.joined() + decoder.finish()
            XCTAssertEqual(Array(streamed.utf8), Array(tokenizer.decode(ids).utf8))
        }
        var decoder = IncrementalDecoder(tokenizer)
        let bytes = try "\u{1F600}".utf8.map { try XCTUnwrap(tokenizer.id(of: ByteLetters.piece(of: [$0]))) }
        XCTAssertEqual(bytes.map { decoder.append($0) }, ["", "", "", "\u{1F600}"])
    }

    func testUserTextNeverBecomesASpecialToken() throws {
        for tokenizer in try [GoldenText.smollm(), GoldenText.qwen2(), GoldenTokenizationTests.tiktoken()] {
            for (id, content) in tokenizer.addedTokens {
                let ids = tokenizer.encode("x" + content + content)
                XCTAssertFalse(ids.contains { tokenizer.isSpecial($0) })
                XCTAssertEqual(tokenizer.decode(ids), "x" + content + content)
                XCTAssertEqual(tokenizer.encode(content, allowSpecial: true), [id])
                XCTAssertEqual(tokenizer.decode([id]), "")
                XCTAssertEqual(tokenizer.decode([id], skipSpecial: false), content)
            }
        }
    }

    func testLookUps() throws {
        let tokenizer = try GoldenText.smollm()
        XCTAssertEqual(try tokenizer.require(special: "<|im_end|>"), 2)
        XCTAssertEqual(tokenizer.id(of: "<|im_start|>"), 1)
        XCTAssertEqual(tokenizer.piece(2), "<|im_end|>")
        XCTAssertNil(tokenizer.piece(-1))
        XCTAssertNil(tokenizer.piece(Int32.max))
        XCTAssertNil(tokenizer.id(of: "<|AUDIO|>"))
        XCTAssertEqual(tokenizer.decode([-5, Int32.max, 2]), "")
        XCTAssertThrowsError(try tokenizer.require(special: "<|AUDIO|>")) {
            XCTAssertTrue("\($0)".contains("<|AUDIO|>"))
        }
        XCTAssertThrowsError(try tokenizer.require(special: "the"))  // an ordinary piece is no special token
    }

    func testLongestSpecialWins() throws {
        var matcher = SpecialMatcher()
        for (id, name) in ["<a", "<a>", "<a><b", "b>"].enumerated() { matcher.add(Array(name.utf8), id: Int32(id)) }
        var found: [String] = []
        let bytes = Array("x<a><b><a<a>".utf8)
        matcher.split(bytes, plain: { found.append(String(decoding: bytes[$0], as: UTF8.self)) }) {
            found.append("#\($0)")
        }
        XCTAssertEqual(found, ["x", "#2", ">", "#0", "#1"])
    }

    func testScanAndHeapMergeAlike() throws {
        var table = MergeTable(capacity: 0)
        var generator = SeededGenerator(seed: 3)
        for rank in 0..<60 {
            _ = table.add(
                Int32.random(in: 0..<20, using: &generator), Int32.random(in: 0..<20, using: &generator),
                rank: Int32(rank / 2), result: Int32.random(in: 0..<20, using: &generator))
        }
        for _ in 0..<2000 {
            let word = (0..<Int.random(in: 2..<60, using: &generator)).map { _ in
                Int32.random(in: 0..<8, using: &generator)
            }
            var scanned: [Int32] = []
            var heaped: [Int32] = []
            table.mergeByScan(word, into: &scanned)
            table.mergeByHeap(word, into: &heaped)
            XCTAssertEqual(scanned, heaped)
        }
    }

    func testSpeed() throws {
        let tokenizer = try GoldenText.smollm()
        let text = String(try GoldenText.strings(seed: 9, count: 4000).joined(separator: "\n").prefix(60_000))
        let word = String(repeating: "abcdefghij", count: 20_000)
        let spaces = String(repeating: " ", count: 200_000)
        for (name, text) in [("mixed", text), ("one word", word), ("blanks", spaces)] {
            let start = cpuSeconds()
            let ids = tokenizer.encode(text)
            let time = cpuSeconds() - start
            print("tokenizer, \(name): \(text.utf8.count) bytes, \(ids.count) ids, \(time) s of CPU")
            XCTAssertLessThan(time, 5, name)
        }
    }
}
