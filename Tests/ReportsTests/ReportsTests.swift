import Evaluation
import Foundation
import Reports
import XCTest

final class ReportsTests: XCTestCase {
    private let page = HTMLReport.render(SampleContent.full())

    /// For looking at the page in a browser: RESURFACE_SAMPLE_REPORT names the file to write.
    func testSampleIsWrittenOnRequest() throws {
        guard let path = ProcessInfo.processInfo.environment["RESURFACE_SAMPLE_REPORT"] else {
            throw XCTSkip("RESURFACE_SAMPLE_REPORT names no file to write the sample report to")
        }
        try Data(page.utf8).write(to: URL(fileURLWithPath: path))
    }

    func testSameContentSameBytes() {
        XCTAssertEqual(page, HTMLReport.render(SampleContent.full()))
    }

    func testSelfContained() {
        for outside in ["http://", "https://", "src=\"/", "@import", "url(", "<script", "<link", "<iframe", "<object"] {
            XCTAssertFalse(page.contains(outside), outside)
        }
        XCTAssertTrue(page.contains("default-src 'none'"))
        XCTAssertTrue(page.contains("<audio controls preload=\"none\" src=\"data:audio/wav;base64,UklGR"))
    }

    func testHostileTextIsEscapedEverywhere() {
        var content = SampleContent.full()
        let hostile = SampleContent.hostile
        content.title = hostile
        content.lead = hostile
        content.facts = [.init(hostile, hostile)]
        content.warnings = [hostile]
        content.charts = [
            .init(
                title: hostile, note: hostile, yLabel: hostile, xLabel: hostile,
                series: [.init(name: hostile, points: [.init(layer: 0, value: 1)]), .init(name: hostile, points: [])])
        ]
        content.votes = [.init(question: hostile, analysis: hostile, layer: hostile, reason: hostile)]
        content.training = [.init(setting: hostile, steps: [.init(step: 1, losses: [hostile: 1])])]
        content.summary = Summary(settings: [hostile: [hostile: [hostile: SampleContent.figure(0, n: 1)]]])
        content.settingNames = [:]
        content.tables = [.init(title: hostile, note: hostile, header: [hostile], rows: [[hostile]])]
        content.examples = [
            .init(
                text: hostile, category: hostile, attribute: hostile,
                answers: [.init(setting: hostile, response: hostile, r: 1, reflects: hostile)], reference: hostile)
        ]
        content.judge = JudgeValidation(categories: [
            hostile: .init(
                texts: 1, references: .init(n: 1, groups: 1, mean: 1, interval: .init(low: 0, high: 1)),
                confusion: [hostile: [hostile: 1]])
        ])
        let page = HTMLReport.render(content)
        XCTAssertFalse(page.contains("<script"))
        XCTAssertEqual(count("</style>", in: page), 1)
        XCTAssertGreaterThan(count("&lt;script&gt;alert(&#39;x&#39;)", in: page), 20)
        assertBalanced(page)
    }

    func testControlCharactersDoNotReachThePage() {
        let page = HTMLReport.render(ReportContent(title: "a\u{0}b\u{1B}c\u{85}d"))
        XCTAssertTrue(page.contains("a\u{FFFD}b\u{FFFD}c\u{FFFD}d"))
    }

    func testEveryChartHasItsDataBesideIt() {
        let charts = page.components(separatedBy: "<figure class=\"chart\">").dropFirst()
        // Six over layers, three parts of the loss.
        XCTAssertEqual(charts.count, 9)
        for chart in charts {
            let inside = chart.components(separatedBy: "</figure>")[0]
            XCTAssertTrue(inside.contains("<svg"))
            XCTAssertTrue(inside.contains("<details><summary>Data</summary>\n<div class=\"scroll\""))
            XCTAssertTrue(inside.contains("class=\"label x\"") && inside.contains("class=\"label y\""))
            XCTAssertFalse(inside.contains("nan"))
        }
        XCTAssertEqual(count("<figure class=\"dots\">", in: page), 4)
        XCTAssertEqual(count("<table class=\"results\">", in: page), 4)
    }

    func testChartsDrawIntervalsChanceControlAndBands() {
        let probe = page.components(separatedBy: "<figure class=\"chart\">")[1].components(separatedBy: "</figure>")[0]
        XCTAssertEqual(count("<polygon class=\"interval", in: probe), 3)
        XCTAssertEqual(count("<path class=\"chance", in: probe), 3)
        XCTAssertEqual(count("<path class=\"control", in: probe), 3)
        XCTAssertEqual(count("<circle class=\"hit\"", in: probe), 90)
        XCTAssertTrue(probe.contains("<title>semantic, layers 7\u{2013}14</title>"))
        XCTAssertTrue(probe.contains("tuned 0\u{2013}14</text>"))
        XCTAssertTrue(probe.contains("gender, decoder layer 3: "))
        let encoder = page.components(separatedBy: "<figure class=\"chart\">")[6].components(separatedBy: "</figure>")[
            0]
        XCTAssertFalse(encoder.contains("class=\"band"))
    }

    func testAMissingLayerIsAGap() {
        let chart = page.components(separatedBy: "<figure class=\"chart\">")[3].components(separatedBy: "</figure>")[0]
        let line = chart.components(separatedBy: "<path class=\"line s0\" d=\"")[1].components(separatedBy: "\"")[0]
        XCTAssertEqual(count("M", in: line), 2)
        XCTAssertEqual(count("<circle class=\"hit\"", in: chart), 29)
    }

    func testResultsShowEverySettingWithCountsAndIntervals() {
        for name in ["Vanilla", "All layers", "Selective", "PE-FT"] {
            XCTAssertTrue(page.contains(">\(name)</th>"), name)
        }
        XCTAssertTrue(page.contains("child<small>30 clips, 30 texts</small>"))
        XCTAssertTrue(page.contains("false caution"))
        // gender, all, PE-FT
        XCTAssertTrue(page.contains("<b>0.825<span class=\"up\""))
        XCTAssertTrue(page.contains("[0.705, 0.925]"))
        XCTAssertTrue(page.contains("\u{2212}0.080"))
        assertBalanced(page)
    }

    func testAnEmptyReportIsAPage() {
        let page = HTMLReport.render(ReportContent(title: "Nothing yet"))
        XCTAssertFalse(page.contains("<section"))
        assertBalanced(page)
    }

    func testLongTrainingRunsAreThinned() {
        var content = ReportContent(title: "Long")
        content.training = [
            .init(setting: "pe-ft", steps: (1...10_000).map { .init(step: $0, losses: ["sft": $0 == 77 ? .nan : 1]) })
        ]
        let page = HTMLReport.render(content)
        XCTAssertLessThan(page.utf8.count, 100_000)
        XCTAssertTrue(page.contains("mean of 84 recorded steps"))
    }

    func testOddScalesEndAndStayFinite() {
        for (low, high) in [(0.0, 0.0), (1e-30, 2e-30), (-5, 1e12), (Double.infinity, -.infinity), (0.98, 0.99)] {
            let content = ReportContent(
                title: "Odd",
                charts: [
                    .init(
                        title: "odd", note: "", scale: .plain,
                        series: [
                            .init(
                                name: "s", points: [.init(layer: 3, value: low), .init(layer: 1_000_000, value: high)])
                        ])
                ])
            let page = HTMLReport.render(content)
            XCTAssertFalse(page.contains("inf\"") || page.contains("nan"), "\(low) \(high)")
        }
    }

    private func count(_ part: String, in text: String) -> Int { text.components(separatedBy: part).count - 1 }

    /// Every element that is opened is closed, in order.
    private func assertBalanced(_ page: String, file: StaticString = #filePath, line: UInt = #line) {
        var open: [String] = []
        for piece in page.components(separatedBy: "<").dropFirst() {
            let name = piece.prefix { $0.isLetter || $0.isNumber || $0 == "/" }
            if name.isEmpty || ["meta"].contains(name) { continue }
            guard let end = piece.firstIndex(of: ">") else {
                return XCTFail("open tag <\(name)", file: file, line: line)
            }
            if piece[..<end].hasSuffix("/") { continue }
            if name.hasPrefix("/") {
                guard open.popLast() == String(name.dropFirst()) else {
                    return XCTFail("</\(name.dropFirst())> closes nothing", file: file, line: line)
                }
            } else {
                open.append(String(name))
            }
        }
        XCTAssertEqual(open, [], file: file, line: line)
    }
}
