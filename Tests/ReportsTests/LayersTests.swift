import Foundation
import LayerAnalysis
import Reports
import XCTest

final class LayersTests: XCTestCase {
    func testAnalysesBecomeChartsBandsAndVotes() throws {
        func curve(_ name: String, _ n: Int = 40) -> Curve {
            Curve(
                name: name, data: CurveData(n: n, groups: 20, unit: "texts", resamples: 3),
                layers: (0..<6).map {
                    LayerValue(layer: $0, value: 0.8, low: 0.7, high: 0.9, chance: 0.5, control: 0.49)
                })
        }
        let analyses = [
            Analysis(.paralinguisticProbe, curves: [curve("age"), curve("gender")]),
            Analysis(.intentCosineDifference, curves: [curve("delta"), curve("within"), curve("across")]),
            Analysis(.declaredAgeCosine, curves: [curve("across"), curve("6-7"), curve("6-29", 30)]),
            Analysis(.logitLens, absent: "no clips with an intent"),
        ]
        var content = ReportContent(title: "Layers")
        let written = Written(
            analyses: analyses, input: [curve("age")], encoder: [curve("gender")],
            choice: try LayerChoice.choose(analyses, layers: 6))
        content.add(try JSONDecoder().decode(LayersReport.self, from: JSONEncoder().encode(written)))
        XCTAssertEqual(
            content.charts.map(\.title),
            [
                "1. Paralinguistic probe", "3. Opposite intents", "3. Opposite intents: the two cosines",
                "4. Declared ages", "4. Declared ages: each pair of ages",
                "Voice probes on the encoder\u{2019}s layers",
            ])
        XCTAssertEqual(content.charts.map(\.showsBands), [true, true, true, true, true, false])
        XCTAssertEqual(
            content.tables.map(\.rows), [[["age", "0.800", "0.700 to 0.900", "0.500", "0.490", "40", "20"]]])
        XCTAssertEqual(content.charts[0].note, "40 clips, 20 texts, 3 resamples.")
        XCTAssertTrue(content.charts[4].note.contains("6-29: 30 clips"))
        XCTAssertEqual(content.bands.last?.kind, .tuned)
        XCTAssertEqual(content.votes.last?.question, "Tuned range")
        XCTAssertTrue(content.warnings.contains { $0.contains("Logit lens was not run: no clips") })
        XCTAssertTrue(HTMLReport.render(content).contains("4. Declared ages"))
    }

    func testUnevenClassesAreSaid() throws {
        func note(chance: Double) throws -> String {
            let curve = Curve(
                name: "emotion4",
                data: CurveData(n: 100, groups: 9, unit: "speakers", classes: ["angry", "happy", "neutral", "sad"]),
                layers: [0.4, 0.55, 0.3].enumerated().map {
                    LayerValue(
                        layer: $0.offset, value: 0.93, low: 0.9, high: 0.95, chance: chance, recall: $0.element)
                })
            let written = Written(
                analyses: [], input: [], encoder: [curve], choice: try LayerChoice.choose([], layers: 6))
            var content = ReportContent(title: "Layers")
            content.add(try JSONDecoder().decode(LayersReport.self, from: JSONEncoder().encode(written)))
            return content.charts[0].note
        }
        XCTAssertEqual(
            try note(chance: 0.92),
            "100 clips, 9 speakers, 4 classes, one of which is 92 % of the clips, so that the mean recall of the classes tells "
                + "more: at best 55 % (layer 1), 25 % by guessing.")
        XCTAssertEqual(try note(chance: 0.3), "100 clips, 9 speakers, 4 classes.")
    }
}

/// layers.json as analyze writes it.
private struct Written: Encodable {
    var version = LayersReport.currentVersion
    var model = "smol"
    var modelHash = "0"
    var corpus = "made up"
    var options = AnalysisOptions()
    var layers = 6
    var width = 4
    var clips = 40
    var analyses: [Analysis]
    var input: [Curve]
    var encoder: [Curve]
    var decoder: [Curve] = []
    var choice: LayerChoice
}
