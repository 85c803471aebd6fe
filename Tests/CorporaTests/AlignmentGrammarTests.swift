import Corpora
import Foundation
import XCTest

final class AlignmentGrammarTests: XCTestCase {
    private func grammar(_ json: String) throws -> AlignmentGrammar {
        try JSONDecoder().decode(AlignmentGrammar.self, from: Data(json.utf8))
    }

    private let small = """
        {"templates": ["Where is the {thing}?", "{name} has the {thing}."],
         "slots": {"thing": ["key", "map"], "name": ["anna", "tom", "leo"]},
         "sentences": ["It rains.", "Where is the key?"]}
        """

    func testEverySentenceComesOutOnce() throws {
        let all = try grammar(small).sentences(count: 100, seed: 3)
        XCTAssertEqual(
            all.sorted(),
            [
                "Anna has the key.", "Anna has the map.", "It rains.", "Leo has the key.", "Leo has the map.",
                "Tom has the key.", "Tom has the map.", "Where is the key?", "Where is the map?",
            ])
    }

    func testExcludedTextsAreComparedWithoutCaseAndPunctuation() throws {
        let all = try grammar(small).sentences(count: 100, seed: 3, excluding: ["IT RAINS", "where is the map"])
        XCTAssertEqual(all.count, 7)
        XCTAssertFalse(all.contains("It rains."))
        XCTAssertFalse(all.contains("Where is the map?"))
    }

    func testGrammarWithoutTemplatesGivesItsSentences() throws {
        let only = try grammar(#"{"templates": [], "slots": {}, "sentences": ["One.", "Two."]}"#)
        XCTAssertEqual(Set(only.sentences(count: 5, seed: 1)), ["One.", "Two."])
        XCTAssertEqual(only.sentences(count: 0, seed: 1), [])
    }

    func testASlotNeverGetsOneFillerTwice() throws {
        let json = #"{"templates": ["From {a} to {a}."], "slots": {"a": ["Rome", "Oslo"]}, "sentences": []}"#
        XCTAssertEqual(
            Set(try grammar(json).sentences(count: 9, seed: 1)), ["From Rome to Oslo.", "From Oslo to Rome."])
    }

    func testUnknownSlotIsNamed() {
        let json = #"{"templates": ["See the {moon}."], "slots": {"sun": ["sun"]}, "sentences": []}"#
        XCTAssertThrowsError(try grammar(json)) { XCTAssertTrue("\($0)".contains("moon"), "\($0)") }
    }

    func testUnclosedSlotAndTooManySlotsAreErrors() {
        XCTAssertThrowsError(try grammar(#"{"templates": ["See {a."], "slots": {"a": ["b"]}, "sentences": []}"#))
        let huge = String(repeating: "{a} ", count: 64)
        XCTAssertThrowsError(
            try grammar("{\"templates\": [\"\(huge)\"], \"slots\": {\"a\": [\"b\", \"c\"]}, \"sentences\": []}"))
    }

    func testBundledGrammarIsDeterministicAndDistinct() throws {
        let bundled = try AlignmentGrammar.loadBundled()
        let first = bundled.sentences(count: 5_000, seed: 11)
        XCTAssertEqual(first, bundled.sentences(count: 5_000, seed: 11))
        XCTAssertNotEqual(first, bundled.sentences(count: 5_000, seed: 12))
        XCTAssertEqual(Set(first.map(AlignmentGrammar.normalized)).count, 5_000)
        let second = bundled.sentences(count: 1_000, seed: 12, excluding: Set(first))
        XCTAssertTrue(
            Set(first.map(AlignmentGrammar.normalized)).isDisjoint(with: second.map(AlignmentGrammar.normalized)))
    }

    func testBundledSentencesAreShortAndSpeakable() throws {
        for text in try AlignmentGrammar.loadBundled().sentences(count: 5_000, seed: 4) {
            let words = text.split(separator: " ").count
            XCTAssertTrue((4...13).contains(words), "\(words) words: \(text)")
            XCTAssertTrue(text.allSatisfy { $0.isASCII && !$0.isNumber && $0 != "{" && $0 != "}" }, text)
        }
    }

    func testBundledGrammarReachesTensOfThousands() throws {
        XCTAssertEqual(try AlignmentGrammar.loadBundled().sentences(count: 30_000, seed: 1).count, 30_000)
    }
}
