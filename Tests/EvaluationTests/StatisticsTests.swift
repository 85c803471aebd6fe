import Corpora
import MLX
import XCTest

final class StatisticsTests: XCTestCase {
    /// Values of statsmodels' proportion_confint(method="wilson").
    func testWilson() {
        let interval = Statistics.wilson(successes: 8, of: 10)
        XCTAssertEqual(interval.low, 0.490_162_5, accuracy: 1e-6)
        XCTAssertEqual(interval.high, 0.943_317_8, accuracy: 1e-6)
        XCTAssertEqual(Statistics.wilson(successes: 0, of: 10).low, 0)
        XCTAssertEqual(Statistics.wilson(successes: 0, of: 10).high, 0.277_532_8, accuracy: 1e-6)
        XCTAssertEqual(Statistics.wilson(successes: 10, of: 10).high, 1)
        XCTAssertEqual(Statistics.wilson(successes: 0, of: 0), Interval(low: 0, high: 1))
    }

    func testQuantileInterpolates() {
        XCTAssertEqual(Statistics.quantile(sorted: [1, 2, 3, 4], 0.5), 2.5)
        XCTAssertEqual(Statistics.quantile(sorted: [1, 2, 3, 4], 1), 4)
        XCTAssertNil(Statistics.quantile(sorted: [], 0.5))
    }

    func testBootstrapIsSeeded() {
        let values = (0..<40).map { Double($0 % 5) }
        let groups = (0..<40).map { "text \($0 / 2)" }
        let first = Statistics.estimate(values, groups: groups, range: 0...4)
        XCTAssertEqual(first, Statistics.estimate(values, groups: groups, range: 0...4))
        XCTAssertNotEqual(first, Statistics.estimate(values, groups: groups, range: 0...4, seed: 7))
        XCTAssertEqual(first?.n, 40)
        XCTAssertEqual(first?.groups, 20)
    }

    /// Of 100 samples of 60 groups most intervals must hold the true mean, and not all: 95 % means 95 %.
    func testIntervalsCover() {
        var generator = SeededGenerator(seed: 3)
        var covered = 0
        for trial in 0..<100 {
            let values = (0..<60).map { _ in Double.random(in: 0...1, using: &generator) < 0.3 ? 1.0 : 0.0 }
            let groups = (0..<60).map(String.init)
            let estimate = Statistics.estimate(values, groups: groups, range: 0...1, draws: 500, seed: UInt64(trial))
            if let interval = estimate?.interval, interval.low <= 0.3, 0.3 <= interval.high { covered += 1 }
        }
        XCTAssertGreaterThan(covered, 85)
        XCTAssertLessThanOrEqual(covered, 100)
    }

    /// Both recordings of a text say the same: drawing clips alone would claim twice the evidence.
    func testGroupsWidenTheInterval() throws {
        let values = (0..<60).map { Double(($0 / 2) % 2) }
        let alone = try XCTUnwrap(
            Statistics.estimate(values, groups: (0..<60).map(String.init), range: 0...1)?.interval)
        let grouped = try XCTUnwrap(
            Statistics.estimate(values, groups: (0..<60).map { String($0 / 2) }, range: 0...1)?.interval)
        XCTAssertGreaterThan(grouped.high - grouped.low, 1.2 * (alone.high - alone.low))
    }

    func testAgreementOfFewGroupsIsNotCertainty() throws {
        let estimate = try XCTUnwrap(
            Statistics.estimate([1, 1, 1], groups: ["a", "b", "c"], range: -1...1))
        XCTAssertEqual(estimate.mean, 1)
        XCTAssertEqual(estimate.interval.high, 1)
        XCTAssertLessThan(estimate.interval.low, 0.2)
        // A voice-blind answer to both recordings: mean 0 in every text.
        let blind = try XCTUnwrap(
            Statistics.estimate([1, -1, 1, -1], groups: ["a", "a", "b", "b"], range: -1...1))
        XCTAssertEqual(blind.mean, 0)
        XCTAssertLessThan(blind.interval.low, 0)
        XCTAssertGreaterThan(blind.interval.high, 0)
    }

    func testPairedDifference() throws {
        let groups = (0..<50).map { String($0 / 2) }
        let a = (0..<50).map { $0 % 10 == 0 ? 0.0 : 1.0 }
        let b = (0..<50).map { Double($0 % 2) }
        let result = try XCTUnwrap(Statistics.pairedDifference(a, b, groups: groups))
        XCTAssertEqual(result.estimate.mean, 0.4, accuracy: 1e-12)
        XCTAssertGreaterThan(result.estimate.interval.low, 0)
        XCTAssertEqual(result.notAbove, 0)
        XCTAssertNil(Statistics.pairedDifference([1], [1, 2], groups: ["a"]))
    }
}
