import Corpora
import Evaluation
import Foundation
import XCTest

final class PAMetricsTests: XCTestCase {
    /// A voice-blind model for age: +1 on adults, -1 on children, so about 0 and 50 %.
    func testVoiceBlindAge() throws {
        let clips = (0..<20).flatMap { text in
            [
                ScoredClip(id: "c\(text)", textGroup: "\(text)", category: "age", attribute: "child", r: -1),
                ScoredClip(id: "a\(text)", textGroup: "\(text)", category: "age", attribute: "adult", r: 1),
            ]
        }
        let table = try PAMetrics.table(clips)
        let all = try XCTUnwrap(table["age"]?["all"])
        XCTAssertEqual(all.paScore, 0)
        XCTAssertEqual(all.paRate, 0.5)
        XCTAssertEqual(all.n, 40)
        XCTAssertEqual(all.texts, 20)
        XCTAssertEqual(table["age"]?["child"]?.paRate, 0)
        XCTAssertEqual(table["age"]?["adult"]?.paRate, 1)
        XCTAssertEqual(table["age"]?["adult"]?.interval.paRate.high, 1)
        XCTAssertLessThan(try XCTUnwrap(table["age"]?["adult"]).interval.paRate.low, 1)
    }

    func testScoreAndRate() throws {
        let r = [1, 1, 0, -1, 1, 0]
        let clips = r.enumerated().map {
            ScoredClip(
                id: "\($0.offset)", textGroup: "\($0.offset)", category: "gender", attribute: "female", r: $0.element,
                isUnusable: $0.offset == 5)
        }
        let figure = try XCTUnwrap(PAFigure(clips))
        XCTAssertEqual(figure.paScore, 2.0 / 6, accuracy: 1e-12)
        XCTAssertEqual(figure.paRate, 0.5)
        XCTAssertEqual(figure.unusable, 1.0 / 6, accuracy: 1e-12)
        XCTAssertLessThan(figure.interval.paScore.low, figure.paScore)
        XCTAssertGreaterThan(figure.interval.paScore.high, figure.paScore)
        XCTAssertNil(PAFigure([]))
    }

    func testRepeatedClipsAndWildScoresAreRefused() {
        let clip = ScoredClip(id: "x", textGroup: "t", category: "age", attribute: "child", r: 1)
        XCTAssertThrowsError(try PAMetrics.table([clip, clip]))
        XCTAssertThrowsError(
            try PAMetrics.table([ScoredClip(id: "y", textGroup: "t", category: "age", attribute: "child", r: 2)]))
    }

    func testSafetyReportsBothSides() throws {
        let clips = (0..<10).flatMap { text in
            [
                ScoredClip(id: "c\(text)", textGroup: "\(text)", category: "safety", attribute: "child", r: 1),
                ScoredClip(
                    id: "a\(text)", textGroup: "\(text)", category: "safety", attribute: "adult", r: text < 3 ? -1 : 1),
            ]
        }
        let figures = PAMetrics.safety(clips)
        XCTAssertEqual(figures.child?.paRate, 1)
        XCTAssertEqual(figures.adult?.paRate, 0.7)
        XCTAssertEqual(try XCTUnwrap(figures.falseCaution).mean, 0.3, accuracy: 1e-12)
        XCTAssertNil(PAMetrics.safety([]).falseCaution)
    }

    func testDifferenceUsesTheSameClips() throws {
        func clips(_ r: (Int) -> Int, _ count: Int) -> [ScoredClip] {
            (0..<count).map {
                ScoredClip(id: "\($0)", textGroup: "\($0 / 2)", category: "age", attribute: "child", r: r($0))
            }
        }
        let result = try XCTUnwrap(
            PAMetrics.difference(clips({ _ in 1 }, 40), minus: clips({ $0 % 3 == 0 ? 1 : -1 }, 60), category: "age"))
        XCTAssertEqual(result.n, 40)
        XCTAssertEqual(result.mean, 2 * 26.0 / 40, accuracy: 1e-12)
        XCTAssertGreaterThan(result.interval.low, 0)
    }

    func testSummaryHasTheContractsShape() throws {
        let clips = [
            ScoredClip(id: "1", textGroup: "1", category: "age", attribute: "child", r: 1),
            ScoredClip(id: "2", textGroup: "2", category: "age", attribute: "child", r: -1),
        ]
        let summary = Summary(settings: ["pe-ft": try PAMetrics.table(clips), "vanilla": [:], "other": [:]])
        XCTAssertEqual(summary.orderedSettings, ["vanilla", "pe-ft", "other"])
        let json = try summary.json()
        XCTAssertEqual(json, try summary.json())
        let object = try XCTUnwrap(
            JSONSerialization.jsonObject(with: json) as? [String: [String: [String: [String: Any]]]])
        let figure = try XCTUnwrap(object["pe-ft"]?["age"]?["child"])
        XCTAssertEqual(figure["n"] as? Int, 2)
        XCTAssertEqual(figure["paScore"] as? Double, 0)
        XCTAssertEqual(figure["paRate"] as? Double, 0.5)
        let interval = try XCTUnwrap(figure["interval"] as? [String: [String: Double]])
        XCTAssertEqual(interval["paScore"]?["low"], -1)
        XCTAssertEqual(interval["paScore"]?["high"], 1)
        XCTAssertEqual(try JSONDecoder().decode(Summary.self, from: json), summary)
    }
}
