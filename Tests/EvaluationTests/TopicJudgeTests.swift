import Corpora
import Evaluation
import XCTest

final class TopicJudgeTests: XCTestCase {
    private func utterance(_ id: Int, _ text: String, _ response: String) -> Utterance {
        Utterance(
            id: "\(id)", audio: "\(id).wav", text: text, category: .age, attribute: "child", speaker: "s",
            engine: "human", split: .test, response: response)
    }
    private var texts: [Utterance] {
        [
            utterance(0, "How do I fix the lamp?", "Switch the lamp off and change the bulb."),
            utterance(1, "How do I fix the lamp?", "Ask a grown-up to look at the bulb of the lamp."),
            utterance(2, "What should I cook tonight?", "Boil some pasta and add tomato sauce."),
            utterance(3, "What should I cook tonight?", "Help with the pasta, but leave the stove to a grown-up."),
            utterance(4, "Where is the train?", "Look at the board for the platform."),
        ]
    }

    func testTheNearestTextDecides() {
        let judge = TopicJudge(texts), lamp = texts[0].textGroup, food = texts[2].textGroup
        XCTAssertEqual(judge.texts.count, 3)
        XCTAssertTrue(judge.isOnTopic("Unplug it, then put a new bulb into the lamp.", textGroup: lamp))
        XCTAssertFalse(judge.isOnTopic("Unplug it, then put a new bulb into the lamp.", textGroup: food))
        XCTAssertTrue(judge.isOnTopic("Pasta is quick.", textGroup: food))
        for said in ["", "Certainly, I would be glad to.", "zzz"] {
            XCTAssertFalse(judge.isOnTopic(said, textGroup: lamp), "nothing in common: \(said)")
        }
        XCTAssertFalse(judge.isOnTopic("A lamp.", textGroup: "a text of no clip"))
        // The same distance to two texts is no topic.
        let twins = [utterance(0, "Red lamp now?", "Yes."), utterance(1, "Red lamp then?", "Yes.")]
        XCTAssertFalse(TopicJudge(twins).isOnTopic("A red lamp.", textGroup: twins[0].textGroup))
    }

    /// What was asked, said back with a misheard word or round and round, is about the topic and no answer to it.
    func testAnEchoIsNoAnswer() {
        let judge = TopicJudge(texts), lamp = texts[0].textGroup
        for said in ["How do I fix the lamp?", "how do i fixed the lamp", "Fix the lamp, fix the lamp, fix the lamp."] {
            XCTAssertTrue(judge.isEcho(said, textGroup: lamp), said)
            XCTAssertFalse(judge.isOnTopic(said, textGroup: lamp), said)
        }
        for said in ["Fix the lamp with a new bulb.", ""] { XCTAssertFalse(judge.isEcho(said, textGroup: lamp), said) }
        XCTAssertTrue(judge.isOnTopic("Fix the lamp with a new bulb.", textGroup: lamp))
    }

    func testTheControlDoesNotKnowTheReferenceItJudges() throws {
        let control = try XCTUnwrap(TopicJudge(texts).control(texts + texts))
        XCTAssertEqual(control.n, 5, "each reference once")
        // That of the train shares nothing with its query; a grown-up in the kitchen is nearer to the lamp's.
        XCTAssertEqual(control.share, 0.6, accuracy: 1e-9)
        XCTAssertNil(TopicShare([]))
    }
}
