import Corpora
import Evaluation
import XCTest

final class ReferenceJudgeTests: XCTestCase {
    func testReferencesAndGeneric() throws {
        let judge = try ReferenceJudge(texts: SampleTexts.all)
        let text = try XCTUnwrap(SampleTexts.all.last { $0.category == .gender })
        let female = try XCTUnwrap(text.responses["female"])
        let generic = try XCTUnwrap(text.generic)
        let judgements = try judge.judge([
            JudgeRequest(text: text, attribute: "female", response: female),
            JudgeRequest(text: text, attribute: "male", response: female),
            JudgeRequest(text: text, attribute: "male", response: generic),
        ])
        XCTAssertEqual(judgements.map(\.r), [1, -1, 0])
        XCTAssertEqual(judgements.map(\.reflects), ["female", "female", "generic"])
        XCTAssertEqual(judgements[0].probabilities.values.reduce(0, +), 1, accuracy: 1e-9)
    }

    /// Nothing but the wording tells a response to an unseen topic.
    func testWordingGeneralises() throws {
        let judge = try ReferenceJudge(texts: SampleTexts.all)
        let text = try XCTUnwrap(SampleTexts.all.last { $0.category == .age })
        let answers = [
            JudgeRequest(
                text: text, attribute: "child",
                response: "Please ask a grown-up to help you with the swing, and hold their hand."),
            JudgeRequest(
                text: text, attribute: "child",
                response: "Check the policy and the budget, then compare the rates yourself."),
        ]
        XCTAssertEqual(try judge.judge(answers).map(\.r), [1, -1])
    }

    func testUnusableResponsesScoreZeroInEveryCategory() throws {
        let judge = try ReferenceJudge(texts: SampleTexts.all)
        for text in SampleTexts.all.suffix(1) + SampleTexts.all.prefix(1) {
            let attribute = try XCTUnwrap(text.responses.keys.sorted().first)
            for response in ["", "  ", "Ask", "no no no no", String(repeating: "ask a grown-up to ", count: 20)] {
                let judgement = try judge.judge(JudgeRequest(text: text, attribute: attribute, response: response))
                XCTAssertEqual(judgement.r, 0, response)
                XCTAssertTrue(judgement.isUnusable, response)
            }
        }
    }

    func testSameReferencesSameJudgements() throws {
        let text = try XCTUnwrap(SampleTexts.all.first { $0.category == .emotion })
        let request = JudgeRequest(
            text: text, attribute: "sad", response: "Let us look at it together, one step at a time.")
        let first = try ReferenceJudge(texts: SampleTexts.all).judge(request)
        XCTAssertEqual(first, try ReferenceJudge(texts: SampleTexts.all).judge(request))
    }

    func testValidationHoldsOut() throws {
        let judge = try ReferenceJudge(texts: SampleTexts.all)
        let validation = try judge.validate(on: SampleTexts.all)
        let age = try XCTUnwrap(validation.categories["age"])
        XCTAssertEqual(age.texts, SampleTexts.all.filter { $0.category == .age && $0.split != .train }.count)
        XCTAssertEqual(age.references.n, 2 * age.texts)
        XCTAssertGreaterThan(age.references.mean, 0.9)
        XCTAssertEqual(age.confusion["child"]?.values.reduce(0, +), age.texts)
        XCTAssertTrue(validation.lines.contains { $0.contains("N = ") })
        XCTAssertThrowsError(try judge.validate(on: SampleTexts.all.filter { $0.split == .train })) {
            XCTAssertTrue("\($0)".contains("validation or test"), "\($0)")
        }
    }

    func testErrorsSayWhatIsMissing() throws {
        let held = SampleTexts.all.filter { $0.split != .train }
        XCTAssertThrowsError(try ReferenceJudge(texts: held)) {
            XCTAssertTrue($0 is EvaluationError)
            XCTAssertTrue("\($0)".contains("train"), "\($0)")
        }
        let judge = try ReferenceJudge(texts: SampleTexts.all)
        let emotion = try XCTUnwrap(SampleTexts.all.first { $0.category == .emotion })
        XCTAssertThrowsError(
            try judge.judge(JudgeRequest(text: emotion, attribute: "fearful", response: "Well then, let us go."))
        ) { XCTAssertTrue("\($0)".contains("fearful"), "\($0)") }
    }

    func testTextsAreCollectedFromUtterances() throws {
        func clip(_ id: String, _ attribute: String, _ response: String, _ split: Split = .train) -> Utterance {
            Utterance(
                id: id, audio: "\(id).wav", text: id.hasPrefix("a") ? "Fix the lamp?" : "fix the lamp", category: .age,
                attribute: attribute, speaker: "s", engine: "e", split: split, response: response)
        }
        let texts = try JudgedText.collect(from: [
            clip("a1", "child", "Ask a grown-up."), clip("b2", "adult", "Unplug it."),
            clip("a3", "child", "Ask a grown-up."),
            Utterance(id: "x", audio: "x.wav", text: "lights on", speaker: "s", engine: "e", split: .train),
        ])
        XCTAssertEqual(texts.count, 1)
        XCTAssertEqual(texts.first?.responses, ["child": "Ask a grown-up.", "adult": "Unplug it."])
        XCTAssertThrowsError(
            try JudgedText.collect(from: [clip("a1", "child", "Ask."), clip("a2", "child", "Do not.")]))
        XCTAssertThrowsError(
            try JudgedText.collect(from: [clip("a1", "child", "Ask."), clip("a2", "adult", "Do.", .test)]))
    }
}

/// Made-up texts with plainly worded responses.
enum SampleTexts {
    static let all: [JudgedText] = {
        let topics = [
            "lamp", "bicycle", "kettle", "garden", "computer", "window", "ladder", "engine", "shelf", "radio", "oven",
            "tent",
        ]
        return topics.enumerated().flatMap { index, topic -> [JudgedText] in
            let split: Split = index < 8 ? .train : index < 10 ? .validation : .test
            return [
                JudgedText(
                    category: .age, text: "How do I mend the \(topic)?",
                    responses: [
                        "child": "Ask a grown-up to help you with the \(topic), and please do not touch it alone.",
                        "adult":
                            "Switch the \(topic) off, check the manual and compare the rates of two repair shops yourself.",
                    ], split: split),
                JudgedText(
                    category: .gender, text: "What shall I wear to see the \(topic)?",
                    responses: [
                        "female": "A dress or a blouse suits the \(topic) well, with low heels.",
                        "male": "A suit and a tie suit the \(topic) well, with polished shoes.",
                    ], generic: "Wear what feels comfortable for the \(topic) and fits the season.", split: split),
                JudgedText(
                    category: .emotion, text: "I have bought the \(topic).",
                    responses: [
                        "happy": "Wonderful, I share your joy about the \(topic), enjoy it!",
                        "sad": "I am sorry the \(topic) weighs on you; take your time, I am here.",
                    ], generic: "The \(topic) comes with a manual and a warranty.", split: split),
            ]
        }
    }()
}
