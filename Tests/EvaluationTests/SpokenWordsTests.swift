import Evaluation
import XCTest

final class SpokenWordsTests: XCTestCase {
    private func assertSame(_ a: String, _ b: String) {
        let rate = CorpusVerifier.rate(text: a, transcript: b)
        XCTAssertEqual(rate.errors, 0, "\(a) | \(b): \(SpokenWords.words(a)) and \(SpokenWords.words(b))")
        XCTAssertEqual(CorpusVerifier.rate(text: b, transcript: a).errors, 0, "\(b) | \(a)")
    }

    func testSpellingsOfOneSoundAreOne() {
        for (a, b) in [
            ("I'm sure you don't know", "i am sure you do not know"),
            ("Let's go, can\u{2019}t we?", "let us go can not we"),
            ("They'll've eaten", "they will have eaten"), ("It's what's there.", "it is what is there"),
            ("My favourite colour is grey", "my favorite color is gray"),
            ("Organise the travelling theatre", "organize the traveling theater"),
            ("I realised she apologises", "I realized she apologizes"), ("a café", "A cafe"), ("OK, Mum", "okay mom"),
            ("the lawn mower", "the lawnmower"), ("my bed time story", "my bedtime story"),
            ("ten-year-old", "ten year old"), ("20 minutes", "twenty minutes"),
            ("the 21st of May", "the twenty first of may"),
            ("$5", "five dollars"), ("at 7:30", "at seven thirty"), ("7:05", "seven oh five"), ("at 7:00", "at seven"),
            ("1,250 steps", "one thousand two hundred and fifty steps"), ("100", "a hundred"), ("50%", "fifty percent"),
            ("3.14", "three point one four"), ("the 12th and 40th", "the twelfth and fortieth"), ("90s", "nineties"),
            ("007", "zero zero seven"), ("$3.50", "three dollars fifty"), ("rock 'n roll", "Rock n Roll"),
        ] { assertSame(a, b) }
    }

    func testDifferentWordsStayDifferent() {
        for (a, b, errors) in [
            ("promise me a surprise", "promize me a surprize", 2), ("four hours", "for hours", 1), ("our", "or", 1),
            ("he can", "he can not", 1), ("wise", "wize", 1), ("exercise", "exercize", 1), ("the light", "delight", 2),
            ("13", "thirty", 1), ("a b", "", 2),
        ] { XCTAssertEqual(CorpusVerifier.rate(text: a, transcript: b).errors, errors, "\(a) | \(b)") }
        XCTAssertNil(CorpusVerifier.rate(text: "!", transcript: "a").rate)
    }

    /// Nothing that a transcript may hold traps.
    func testOddTexts() {
        for text in [
            "", "'", "''''", "$", "$$3", "1:", ":30", "1.", "1..2", "9999999999999999999999", "٣٤", "½", "1:2:3", "3,5",
            "1,00,000",
            "s's'", "0", "00", "1st2nd", "5️⃣", String(repeating: "9", count: 5_000), "n't", "'re", "\u{0}",
            "999999999999",
        ] {
            let words = SpokenWords.words(text)
            XCTAssertFalse(words.contains(""), "\(text.prefix(20)): \(words.prefix(9))")
        }
        XCTAssertEqual(SpokenWords.words("999999999999").count, 19)
    }
}
