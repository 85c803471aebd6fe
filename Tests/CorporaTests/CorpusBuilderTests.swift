import Corpora
import Foundation
import Speech
import TestSupport
import XCTest

final class CorpusBuilderTests: XCTestCase {
    /// Builds a few clips with every engine, stops in the middle, goes on, and repeats it byte for byte.
    func testBuildsStopsAndGoesOn() throws {
        guard let environment = try SpeechEnvironment.installed() else {
            throw XCTSkip("The speech environment is not installed: run `resurface corpus build` once.")
        }
        var options = CorpusPlan.Options()
        options.parts = [.age, .gender]
        options.textsPerCategory = 3
        let plan = try CorpusPlan(texts: .bundled(), options: options)
        try withTemporaryFolder { folder in
            let first = folder.appendingPathComponent("first")
            let counter = Counter()
            let builder = CorpusBuilder(plan: plan, folder: first, environment: environment)
            let stopped = try builder.build(workers: 1, progress: { _ in counter.add() }) { counter.value >= 5 }
            XCTAssertNil(stopped.corpus)
            XCTAssertFalse(FileManager.default.fileExists(atPath: first.appendingPathComponent("corpus.jsonl").path))
            let rest = try builder.build(workers: 2)
            XCTAssertEqual(rest.kept, 5)
            XCTAssertEqual(rest.spoken, plan.items.count - 5)

            let corpus = try Corpus.load(first)
            XCTAssertEqual(corpus.utterances.count, plan.items.count)
            let report = corpus.check()
            XCTAssertEqual(report.problems, [])
            XCTAssertEqual(report.sampleRates, ["16000": plan.items.count])
            XCTAssertGreaterThan(report.shortestSeconds, 0.7)

            let second = folder.appendingPathComponent("second")
            _ = try CorpusBuilder(plan: plan, folder: second, environment: environment).build(workers: 2)
            XCTAssertEqual(try bytes(first, "corpus.jsonl"), try bytes(second, "corpus.jsonl"))
            for utterance in corpus.utterances {
                XCTAssertEqual(
                    try bytes(first, utterance.audio), try bytes(second, utterance.audio), utterance.audio)
            }
            // A cut file is made again.
            let cut = try bytes(first, corpus.utterances[0].audio)
            try cut.prefix(500).write(to: corpus.url(of: corpus.utterances[0]))
            XCTAssertEqual(try builder.build().spoken, 1)
            XCTAssertEqual(try bytes(first, corpus.utterances[0].audio), cut)
            // So is one that was deleted, although its line is bad until then.
            try FileManager.default.removeItem(at: corpus.url(of: corpus.utterances[0]))
            XCTAssertEqual(try builder.build().spoken, 1)
            XCTAssertEqual(try bytes(first, corpus.utterances[0].audio), cut)
        }
    }

    func testSaysWhatCouldNotBeSpoken() throws {
        guard let environment = try SpeechEnvironment.installed() else {
            throw XCTSkip("The speech environment is not installed: run `resurface corpus build` once.")
        }
        var options = CorpusPlan.Options()
        options.parts = [.age]
        options.textsPerCategory = 1
        var plan = try CorpusPlan(texts: .bundled(), options: options)
        plan.items[1].job.engineVoice = "nobody"
        try withTemporaryFolder { folder in
            let builder = CorpusBuilder(plan: plan, folder: folder, environment: environment)
            XCTAssertThrowsError(try builder.build(workers: 1)) {
                XCTAssertTrue("\($0)".contains(plan.items[1].utterance.id) && "\($0)".contains("nobody"), "\($0)")
            }
        }
    }

    private func bytes(_ folder: URL, _ path: String) throws -> Data {
        try Data(contentsOf: folder.appendingPathComponent(path))
    }

    private final class Counter: @unchecked Sendable {
        private let lock = NSLock()
        private var count = 0
        func add() { lock.withLock { count += 1 } }
        var value: Int { lock.withLock { count } }
    }
}
