import Foundation
import TestSupport
import XCTest

final class ReproduceTests: XCTestCase {
    func testTheWholeProtocolAndThatItsResultsStayItsOwn() throws {
        try withCommand { command in
            func reproduce(_ more: String...) throws -> Command.Result {
                try command.run(
                    ["reproduce", "--model", command.model.path, "--corpus", command.corpus.path, "--out", "all"] + more
                )
            }
            let first = try reproduce("--layers", "1-2", "--json")
            XCTAssertEqual(first.code, 0, first.error)
            XCTAssertTrue(first.error.contains("pe-ft, step 1/"), first.error)
            let settings = try XCTUnwrap(first.json as? [String: [String: [String: [String: Any]]]])
            XCTAssertEqual(Set(settings.keys), ["vanilla", "selective", "pe-ft"])
            XCTAssertEqual(settings["pe-ft"]?["emotion"]?["all"]?["n"] as? Int, 12)
            let files = [
                "layers.json", "summary.json", "report.html", "vanilla/evaluation.json", "selective/evaluation.json",
                "pe-ft/evaluation.json", "pe-ft/adapter/adapter_model.safetensors", "pe-ft/metrics.jsonl",
            ]
            let made = try files.map { try Data(contentsOf: command.path("all/" + $0)) }
            XCTAssertTrue(String(decoding: made[2], as: UTF8.self).contains("fine-tuning of layers 1-2"))

            // Done stages are kept: a mark in one of them is still there.
            let kept = command.path("all/pe-ft/metrics.jsonl")
            try (made[7] + Data("\n".utf8)).write(to: kept)
            let again = try reproduce("--layers", "1-2", "--json")
            XCTAssertEqual(again.code, 0, again.error)
            XCTAssertEqual(again.output, first.output)
            XCTAssertFalse(again.error.contains("step 1/"), again.error)
            XCTAssertEqual(try Data(contentsOf: kept).count, made[7].count + 1)
            XCTAssertEqual(try Data(contentsOf: command.path("all/report.html")), made[2])

            // An adapter of an older recipe would stand in the report as if it were of this one.
            let settingsFile = command.path("all/pe-ft/config.yaml")
            let own = try String(contentsOf: settingsFile, encoding: .utf8)
            XCTAssertTrue(
                String(decoding: made[2], as: UTF8.self).contains("learningRate: 0.002"), "the settings are shown")
            XCTAssertTrue(String(decoding: made[2], as: UTF8.self).contains("What tuning changes"))
            try Data(own.replacingOccurrences(of: "rank: 8", with: "rank: 4").utf8).write(to: settingsFile)
            let old = try reproduce("--layers", "1-2")
            XCTAssertEqual(old.code, 2, old.error)
            XCTAssertTrue(old.error.contains("all/pe-ft was trained with other settings"), old.error)
            try Data(own.utf8).write(to: settingsFile)

            // Results of other inputs would stand in the report as if they were of these.
            for (more, says) in [
                (["--layers", "0-2"], "--layers was 1-2, is 0-2"),
                (["--layers", "1-2", "--seed", "7"], "--seed was 1, is 7"),
                (["--layers", "1-2", "--profile", "standard"], "--profile was quick, is standard"),
            ] {
                let refused = try command.run(
                    ["reproduce", "--model", command.model.path, "--corpus", command.corpus.path, "--out", "all"] + more
                )
                XCTAssertEqual(refused.code, 2, refused.error)
                XCTAssertTrue(refused.error.contains(says) && refused.error.contains("another --out"), refused.error)
            }
            try TinyCorpus.write(to: command.corpus, train: 4)
            let other = try reproduce("--layers", "1-2")
            XCTAssertEqual(other.code, 2)
            XCTAssertTrue(other.error.contains("corpus.jsonl was"), other.error)
            try FileManager.default.removeItem(at: command.path("all/inputs.json"))
            let unknown = try reproduce("--layers", "1-2")
            XCTAssertEqual(unknown.code, 2)
            XCTAssertTrue(unknown.error.contains("holds results without inputs.json"), unknown.error)
            XCTAssertEqual(try Data(contentsOf: command.path("all/summary.json")), made[1])
        }
    }
}
