import AudioLanguageModels
import Corpora
import Evaluation
import Foundation
import TestSupport
import XCTest

/// `corpus verify` with a transcriber of random weights: what it hears is nonsense, but always the same.
final class VerifyTests: XCTestCase {
    /// The tiny transcriber where the command looks for its own.
    private func withTranscriber(_ body: (Command) throws -> Void) throws {
        try withCommand { command in
            try TinyWhisper.write(
                to: command.path("cache").appendingPathComponent(TranscriberSetup.folder.lastPathComponent))
            try body(command)
        }
    }

    private func text(_ command: Command, _ name: String) throws -> String {
        try String(contentsOf: command.corpus.appendingPathComponent(name), encoding: .utf8)
    }

    func testDropsAndBringsBack() throws {
        try withTranscriber { command in
            let folder = command.corpus.path, before = try text(command, "corpus.jsonl")
            // Nothing is above this limit: no file but the transcripts is written.
            let all = try command.run("corpus", "verify", folder, "--limit", "1000", "--json")
            XCTAssertEqual(all.code, 0, all.error)
            XCTAssertEqual(all.json?["transcribed"] as? Int, 60, all.output)
            XCTAssertEqual((all.json?["dropped"] as? [String])?.count, 0)
            XCTAssertEqual(try text(command, "corpus.jsonl"), before)
            XCTAssertFalse(command.exists("corpus/dropped.jsonl"))
            let row = try XCTUnwrap((all.json?["attributes"] as? [String: [String: Any]])?["age child"])
            XCTAssertEqual(row["dropped"] as? Int, 0)
            XCTAssertGreaterThan(try XCTUnwrap((row["wordErrors"] as? [String: Any])?["n"] as? Int), 0)

            // A limit among the rates of the clips.
            let original = try Corpus.load(command.corpus)
            let transcripts = try self.transcripts(command)
            XCTAssertEqual(transcripts.count, 60)
            let rates = original.utterances.compactMap { clip in
                transcripts[clip.id].flatMap { CorpusVerifier.rate(text: clip.text, transcript: $0).rate }
            }.sorted()
            let limit = "\(rates[20])", above = rates.filter { $0 > rates[20] }.count
            try XCTSkipIf(above == 0, "all clips are heard equally badly")
            let found = try command.run("corpus", "verify", folder, "--limit", limit, "--json")
            XCTAssertEqual(found.code, 0, found.error)
            XCTAssertEqual(found.json?["transcribed"] as? Int, 0, "what was heard is kept")
            let dropped = try XCTUnwrap(found.json?["dropped"] as? [String])
            XCTAssertEqual(dropped.count, above)
            XCTAssertEqual(try Corpus.dropped(in: command.corpus).map(\.utterance.id), dropped)
            XCTAssertEqual(try Corpus.load(command.corpus).utterances.count, 60 - above)
            XCTAssertTrue(try text(command, "dropped.jsonl").contains("\"wordErrorRate\":"))

            // The same once more: not a byte differs. A higher limit brings every clip back to its place.
            let files = try ["corpus.jsonl", "dropped.jsonl", "transcripts.jsonl"].map { try text(command, $0) }
            XCTAssertEqual(try command.run("corpus", "verify", folder, "--limit", limit).code, 0)
            XCTAssertEqual(
                try ["corpus.jsonl", "dropped.jsonl", "transcripts.jsonl"].map { try text(command, $0) }, files)
            XCTAssertEqual(try command.run("corpus", "verify", folder, "--limit", "1000").code, 0)
            XCTAssertEqual(try Corpus.load(command.corpus).utterances, original.utterances)
            XCTAssertEqual(try text(command, "dropped.jsonl"), "")
            XCTAssertEqual(command.leftovers("corpus"), [])
        }
    }

    func testAChangedClipIsHeardAgainAndABrokenTranscriptIsNoError() throws {
        try withTranscriber { command in
            let folder = command.corpus.path, clips = try Corpus.load(command.corpus)
            XCTAssertEqual(try command.run("corpus", "verify", folder, "--limit", "1000").code, 0)
            let first = clips.url(of: clips.utterances[0])
            try write(TinyModel.tone(321, seconds: 1.5), to: first)
            let file = command.corpus.appendingPathComponent("transcripts.jsonl")
            var lines = try text(command, "transcripts.jsonl").split(separator: "\n").map(String.init)
            lines[9] = "{"
            lines[11] = "[]"
            try Data(lines.joined(separator: "\n").utf8).write(to: file)
            let again = try command.run("corpus", "verify", folder, "--limit", "1000", "--json")
            XCTAssertEqual(again.json?["transcribed"] as? Int, 3, again.error + again.output)
            try FileManager.default.removeItem(at: first)
            let gone = try command.run("corpus", "verify", folder)
            XCTAssertEqual(gone.code, 2, gone.error)
            XCTAssertTrue(gone.error.contains(first.lastPathComponent), gone.error)
        }
    }

    func testWrongLimits() throws {
        try withTranscriber { command in
            for limit in ["-1", "nan", "much"] {
                let found = try command.run("corpus", "verify", command.corpus.path, "--limit=\(limit)")
                XCTAssertEqual(found.code, 2, found.error)
                XCTAssertFalse(command.exists("corpus/transcripts.jsonl"))
            }
            // Every clip would go: the corpus stays as it is.
            let before = try text(command, "corpus.jsonl")
            let none = try command.run("corpus", "verify", command.corpus.path, "--limit", "0")
            XCTAssertEqual(none.code, 2, none.error)
            XCTAssertTrue(none.error.contains("raise the limit"), none.error)
            XCTAssertEqual(try text(command, "corpus.jsonl"), before)
            XCTAssertFalse(command.exists("corpus/dropped.jsonl"))
        }
    }

    private func transcripts(_ command: Command) throws -> [String: String] {
        var found: [String: String] = [:]
        for line in try text(command, "transcripts.jsonl").split(separator: "\n").dropFirst() {
            let fields = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
            found[try XCTUnwrap(fields["id"])] = fields["transcript"]
        }
        return found
    }
}
