import Foundation
import LayerAnalysis
import TestSupport
import XCTest

final class LayersReportTests: XCTestCase {
    private func report() throws -> LayersReport {
        let analyses = [Analysis(.intentProbe, curves: [curve("intent", [0.1, 0.2, 0.9, 0.9])])]
        return LayersReport(
            model: "m", modelHash: "ab", corpus: "c", options: AnalysisOptions(), layers: 4, width: 8, clips: 10,
            analyses: analyses, encoder: [], decoder: [], choice: try LayerChoice.choose(analyses, layers: 4))
    }

    func testWritesAndReads() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("layers.json")
            try report().write(to: url)
            XCTAssertEqual(try LayersReport(contentsOf: url), try report())
            XCTAssertThrowsError(try LayersReport(contentsOf: folder.appendingPathComponent("none.json"))) {
                XCTAssertTrue($0 is LayerAnalysisError)
            }
        }
    }

    func testBadFilesAreNamedByField() throws {
        let good = try XCTUnwrap(JSONSerialization.jsonObject(with: report().encoded()) as? [String: Any])
        func broken(_ change: (inout [String: Any]) -> Void) throws -> Data {
            var copy = good
            change(&copy)
            return try JSONSerialization.data(withJSONObject: copy)
        }
        let cases: [(Data, String)] = [
            (Data("not json".utf8), "not valid JSON"), (Data(), "not valid JSON"),
            (try broken { $0["version"] = 99 }, "version is 99"),
            (try broken { $0["layers"] = 9 }, "curve intent has 4 layers"),
            (try broken { $0["layers"] = -1 }, "layers is -1"),
            (try broken { $0["choice"] = nil }, "choice is missing"),
            (
                try broken {
                    var choice = $0["choice"] as? [String: Any] ?? [:]
                    choice["tunedRange"] = ["first": 0, "last": 99]
                    $0["choice"] = choice
                }, "choice.tunedRange is 0-99"
            ),
        ]
        for (data, sentence) in cases {
            XCTAssertThrowsError(try LayersReport(data: data, name: "layers.json")) {
                XCTAssertTrue($0 is LayerAnalysisError, "\($0)")
                XCTAssertTrue("\($0)".contains(sentence) && "\($0)".hasPrefix("layers.json"), "\($0) v \(sentence)")
            }
        }
    }
}
