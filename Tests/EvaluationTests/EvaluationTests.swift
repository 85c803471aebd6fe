import Corpora
import Evaluation
import Foundation
import TestSupport
import XCTest

final class EvaluationTests: XCTestCase {
    func testWordErrorRate() {
        let rate = WordErrorRate(reference: "Turn the lights on, please!", hypothesis: "turn lights on please now sir")
        XCTAssertEqual(rate.deletions, 1)
        XCTAssertEqual(rate.insertions, 2)
        XCTAssertEqual(rate.substitutions, 0)
        XCTAssertEqual(rate.words, 5)
        XCTAssertEqual(rate.rate, 0.6)
        XCTAssertEqual(WordErrorRate(reference: "a b c", hypothesis: "a x c").substitutions, 1)
        XCTAssertEqual(WordErrorRate(reference: "a b", hypothesis: "").rate, 1)
        XCTAssertNil(WordErrorRate(reference: "", hypothesis: "a").rate)
        XCTAssertEqual(WordErrorRate(reference: "don\u{2019}t go", hypothesis: "don't go").errors, 0)
    }

    func testEndlessTranscriptsAreBounded() {
        let long = (0..<20_000).map { "word\($0)" }.joined(separator: " ")
        let rate = WordErrorRate(reference: "word0 word1", hypothesis: long)
        XCTAssertEqual(rate.errors, 19_998)
    }

    func testWordErrorFiguresSumBeforeDividing() throws {
        let clips = [
            (rate: WordErrorRate(reference: "one", hypothesis: "two"), group: "a"),
            (rate: WordErrorRate(reference: "a b c d e f g h i", hypothesis: "a b c d e f g h i"), group: "b"),
        ]
        let figures = try XCTUnwrap(WordErrorFigures(clips))
        XCTAssertEqual(figures.rate, 0.1, accuracy: 1e-12)
        XCTAssertLessThanOrEqual(figures.interval.low, figures.rate)
        XCTAssertNil(WordErrorFigures([]))
    }

    /// A bias of every voice towards one reference cancels out; what the voices change remains.
    func testReferencePreference() throws {
        func row(_ text: String, _ attribute: String, _ child: Double, _ adult: Double) -> ReferencePreference.Row {
            .init(
                key: .init(category: .age, textGroup: text), attribute: attribute,
                logLikelihoods: ["child": child, "adult": adult])
        }
        // The adult's is likelier in both voices, the child's less unlikely in the child's.
        let heard = [row("a", "child", -3, -2), row("a", "adult", -4, -2)]
        let deaf = [row("b", "child", -3, -2), row("b", "adult", -3, -2)]
        let wrong = [row("c", "child", -4, -2), row("c", "adult", -3, -2)]
        let found = try XCTUnwrap(ReferencePreference(heard + deaf + wrong))
        XCTAssertEqual(found.ordered.n, 3)
        XCTAssertEqual(found.ordered.mean, 1.0 / 3, accuracy: 1e-12, "no difference is no preference")
        XCTAssertEqual(found.loss, (3 + 2 + 3 + 2 + 4 + 2) / 6.0, accuracy: 1e-12)
        XCTAssertEqual(try XCTUnwrap(ReferencePreference(heard + heard)).ordered.n, 1, "a text counts once")
        XCTAssertNil(ReferencePreference([row("a", "child", -3, -2)]))
        XCTAssertNil(ReferencePreference([]))
    }

    func testTranscriptRank() throws {
        XCTAssertEqual(try TranscriptRank(logLikelihoods: [-3, -1, -2], truth: 1).rank, 1)
        XCTAssertEqual(try TranscriptRank(logLikelihoods: [-3, -1, -2], truth: 0).rank, 3)
        XCTAssertEqual(try TranscriptRank(logLikelihoods: [-1, -1], truth: 0).rank, 2, "a tie is no win")
        XCTAssertThrowsError(try TranscriptRank(logLikelihoods: [-1], truth: 1))
        XCTAssertThrowsError(try TranscriptRank(logLikelihoods: [-1, .nan], truth: 0))
        let figures = try XCTUnwrap(
            TranscriptRankFigures([1, 1, 1, 6].map { TranscriptRank(rank: $0, candidates: 100) }))
        XCTAssertEqual(figures.first, 0.75)
        XCTAssertEqual(figures.firstFive, 0.75)
        XCTAssertEqual(figures.medianRank, 1)
        XCTAssertEqual(figures.chance, 0.01, accuracy: 1e-12)
        XCTAssertEqual(figures.n, 4)
    }

    func testPerplexity() throws {
        var perplexity = Perplexity()
        XCTAssertNil(perplexity.value)
        try perplexity.add(negativeLogLikelihood: 2 * log(8.0), tokens: 2)
        try perplexity.add(negativeLogLikelihood: 0, tokens: 1)
        XCTAssertEqual(try XCTUnwrap(perplexity.value), 4, accuracy: 1e-9)
        XCTAssertThrowsError(try perplexity.add(negativeLogLikelihood: .nan, tokens: 1))
        XCTAssertEqual(try JSONDecoder().decode(Perplexity.self, from: JSONEncoder().encode(perplexity)), perplexity)
    }

    func testAnswersBecomeScoredClips() throws {
        let text = try XCTUnwrap(SampleTexts.all.last { $0.category == .age })
        var safety = text
        safety.text = "Can I climb up there?"
        safety.scenario = "height"
        func utterance(_ id: String, _ text: JudgedText, _ attribute: String) -> Utterance {
            Utterance(
                id: id, audio: "a.wav", text: text.text, category: text.category, attribute: attribute, speaker: "s",
                engine: "e", split: text.split, scenario: text.scenario)
        }
        let answer = try XCTUnwrap(text.responses["child"])
        let judge = try ReferenceJudge(texts: SampleTexts.all)
        let clips = try Awareness.score(
            [
                .init(utterance: utterance("1", text, "child"), response: answer),
                .init(utterance: utterance("2", safety, "adult"), response: answer),
            ], texts: [text, safety], judge: judge)
        XCTAssertEqual(clips.map(\.category), ["age", "safety"])
        XCTAssertEqual(clips.map(\.r), [1, -1])
        XCTAssertEqual(clips.map(ScoredClip.init).map(\.textGroup).last, "can i climb up there")
        XCTAssertThrowsError(
            try Awareness.score(
                [.init(utterance: utterance("3", safety, "adult"), response: "")], texts: [text], judge: judge)
        ) { XCTAssertTrue("\($0)".contains("clip 3"), "\($0)") }
    }

    func testResultRoundTripsAndBadFilesAreNamed() throws {
        let result = EvaluationResult(
            model: "smol", corpus: "runs/demo/corpus", settings: .init(suite: "awareness", maximumTokens: 48),
            judge: try ReferenceJudge(texts: SampleTexts.all).validate(on: SampleTexts.all),
            clips: [
                .init(
                    id: "1", text: "t", category: "age", attribute: "child", response: "Ask.", r: 1, reflects: "child")
            ], perplexity: Perplexity(negativeLogLikelihood: 3, tokens: 2))
        try withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("evaluation.json")
            try result.json().write(to: file)
            XCTAssertEqual(try EvaluationResult(contentsOf: file), result)
            try Data("{\"model\": 3}".utf8).write(to: file)
            XCTAssertThrowsError(try EvaluationResult(contentsOf: file)) {
                XCTAssertTrue($0 is EvaluationError)
                XCTAssertTrue("\($0)".contains("evaluation.json") && "\($0)".contains("model"), "\($0)")
            }
            XCTAssertThrowsError(try EvaluationResult(contentsOf: folder.appendingPathComponent("none.json"))) {
                XCTAssertTrue($0 is EvaluationError)
            }
        }
    }
}
