import Foundation
import LayerAnalysis
import MLX
import XCTest

final class LogisticRegressionTests: XCTestCase {
    private struct Golden: Decodable {
        struct Case: Decodable {
            var name: String
            var rows, columns, classes: Int
            var c: Double
            var standardised: Bool
            var labels: [Int]
            var train, test: [Float]
            var coefficients, intercepts, probabilities: [Double]
            var predictions: [Int]
        }
        var cases: [Case]
    }

    /// scripts/golden/logistic.py, scikit-learn 1.9.1.
    func testMatchesScikitLearn() throws {
        let url = try XCTUnwrap(Bundle.module.url(forResource: "Golden/logistic", withExtension: "json"))
        let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
        XCTAssertEqual(golden.cases.count, 10)
        for item in golden.cases {
            var train = try matrix(item.train, item.columns), test = try matrix(item.test, item.columns)
            if item.standardised {
                let scaler = Standardiser(fitting: train)
                train = scaler.apply(train)
                test = scaler.apply(test)
            }
            let model = try LogisticRegression(c: item.c, tolerance: 1e-6).fit(
                train, labels: item.labels, classCount: item.classes)
            XCTAssertEqual(model.predictions(test), item.predictions, item.name)
            XCTAssertEqual(
                largestDifference(model.coefficients.flatMap { $0 }, item.coefficients), 0, accuracy: 1e-3, item.name)
            XCTAssertEqual(largestDifference(model.intercepts, item.intercepts), 0, accuracy: 1e-3, item.name)
            XCTAssertEqual(
                largestDifference(model.probabilities(test).flatMap { $0 }, item.probabilities), 0, accuracy: 1e-3,
                item.name)
        }
    }

    func testFitSharesADesignAndRepeats() throws {
        var random = SeededGenerator(seed: 3)
        let rows = (0..<40).map { _ in (0..<80).map { _ in Float(random.uniform()) } }
        let design = LogisticRegression.Design(try FeatureMatrix(rows: rows))
        let labels = (0..<40).map { $0 % 3 }
        let first = try LogisticRegression().fit(design, labels: labels, classCount: 3)
        let other = try LogisticRegression().fit(design, labels: labels.reversed(), classCount: 3)
        let again = try LogisticRegression().fit(design, labels: labels, classCount: 3)
        XCTAssertTrue(first.converged)
        XCTAssertEqual(first.coefficients, again.coefficients)
        XCTAssertNotEqual(first.coefficients, other.coefficients)
    }

    func testConstantAndRepeatedRowsAreNoTrap() throws {
        let rows = [[Float]](repeating: [1, 2, 3, 4, 5], count: 4)
        let model = try LogisticRegression().fit(try FeatureMatrix(rows: rows), labels: [0, 1, 0, 1], classCount: 2)
        XCTAssertEqual(model.probabilities(try FeatureMatrix(rows: rows))[0][1], 0.5, accuracy: 1e-6)
        let scaler = Standardiser(fitting: try FeatureMatrix(rows: rows))
        XCTAssertEqual(scaler.scale, [1, 1, 1, 1, 1])
    }

    func testWrongLabelsAreNamed() throws {
        let x = try FeatureMatrix(rows: [[1], [2]])
        for labels in [[0], [0, 0], [0, 5], [-1, 1]] {
            XCTAssertThrowsError(try LogisticRegression().fit(x, labels: labels, classCount: 2)) {
                XCTAssertTrue($0 is LayerAnalysisError)
            }
        }
        XCTAssertThrowsError(try FeatureMatrix(rows: [[1], [2, 3]]))
    }

    private func matrix(_ values: [Float], _ columns: Int) throws -> FeatureMatrix {
        try FeatureMatrix(rows: stride(from: 0, to: values.count, by: columns).map { Array(values[$0..<$0 + columns]) })
    }

    private func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
        guard a.count == b.count else { return .infinity }
        return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }
}
