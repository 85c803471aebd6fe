import LayerAnalysis
import XCTest

final class FoldTests: XCTestCase {
    func testGroupsAreNeverSplitAndLabelsStayEven() throws {
        // 30 groups of 4; the label follows the group for the first class pair, so that strata matter.
        let groups = (0..<120).map { $0 / 4 }
        let labels = groups.map { $0 % 3 }
        let folds = try GroupedFolds(groups: groups, labels: labels, count: 5, seed: 1)
        for f in 0..<5 {
            let test = Set(folds.test(f).map { groups[$0] }), train = Set(folds.train(f).map { groups[$0] })
            XCTAssertTrue(test.isDisjoint(with: train))
            for label in 0..<3 { XCTAssertEqual(folds.test(f).filter { labels[$0] == label }.count, 8) }
        }
        XCTAssertEqual(folds.fold, try GroupedFolds(groups: groups, labels: labels, count: 5, seed: 1).fold)
        XCTAssertNotEqual(folds.fold, try GroupedFolds(groups: groups, labels: labels, count: 5, seed: 2).fold)
    }

    func testTooFewGroups() {
        XCTAssertThrowsError(try GroupedFolds(groups: [0, 0, 1], labels: [0, 1, 0], count: 3, seed: 0))
    }
}
