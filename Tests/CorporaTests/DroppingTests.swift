import Checkpoints
import Corpora
import Foundation
import TestSupport
import XCTest

final class DroppingTests: XCTestCase {
    private func drop(_ corpus: Corpus, _ positions: [Int]) -> [Corpus.Dropped] {
        positions.map {
            Corpus.Dropped(
                utterance: corpus.utterances[$0], position: $0, transcript: "hm \"\($0)\"", wordErrorRate: 0.75)
        }
    }

    func testDroppedClipsComeBackInTheirPlaces() throws {
        try withTemporaryFolder { folder in
            try TinyCorpus.write(to: folder)
            let whole = try Corpus.load(folder), first = drop(whole, [0, 1, 7, 59])
            try whole.write(dropping: first, before: [])
            XCTAssertEqual(try Corpus.load(folder).utterances.count, 56)
            XCTAssertEqual(try Corpus.dropped(in: folder), first)
            XCTAssertEqual(try Corpus.load(folder).restoring(first), whole.utterances)
            // Some come back, others go.
            let second = drop(whole, [1, 30])
            try whole.write(dropping: second, before: first)
            XCTAssertEqual(try Corpus.load(folder).restoring(Corpus.dropped(in: folder)), whole.utterances)
            XCTAssertEqual(try Corpus.load(folder).utterances.count, 58)
            // Between two of its writes a clip is in both files: then it is there once.
            XCTAssertEqual(whole.restoring(first), whole.utterances)
        }
    }

    /// Every prefix of the writes leaves each clip in one of the files.
    func testNoClipIsLostWhereTheDiskFails() throws {
        try withTemporaryFolder { folder in
            try TinyCorpus.write(to: folder)
            let whole = try Corpus.load(folder), before = drop(whole, [2, 3]), after = drop(whole, [3, 4])
            try whole.write(dropping: before, before: [])
            let blocked = folder.appendingPathComponent("corpus.jsonl"), kept = try Data(contentsOf: blocked)
            // corpus.jsonl cannot be replaced: a folder with something in it stands there.
            try FileManager.default.removeItem(at: blocked)
            try FileManager.default.createDirectory(
                at: blocked.appendingPathComponent("x"), withIntermediateDirectories: true)
            XCTAssertThrowsError(try whole.write(dropping: after, before: before))
            try FileManager.default.removeItem(at: blocked)
            try kept.write(to: blocked)
            XCTAssertEqual(try Corpus.load(folder).restoring(Corpus.dropped(in: folder)), whole.utterances)
        }
    }

    func testBadLinesOfTheDroppedFileAreNamed() throws {
        try withTemporaryFolder { folder in
            try TinyCorpus.write(to: folder)
            let corpus = try Corpus.load(folder), file = folder.appendingPathComponent("dropped.jsonl")
            XCTAssertEqual(try Corpus.dropped(in: folder), [])
            try corpus.write(dropping: drop(corpus, [1]), before: [])
            let line = try String(contentsOf: file, encoding: .utf8)
            for (text, expected) in [
                ("[]\n", "JSON object"),
                (line.replacingOccurrences(of: "\"position\":1", with: "\"position\":-1"), "position"),
                (line.replacingOccurrences(of: "0.75", with: "\"no\""), "wordErrorRate"),
                (line + line, "ids must differ"),
                (line.replacingOccurrences(of: "audio/", with: "../audio/"), "audio"),
            ] {
                try Data(text.utf8).write(to: file)
                XCTAssertThrowsError(try Corpus.dropped(in: folder)) {
                    XCTAssertTrue(
                        "\($0)".contains("dropped.jsonl:") && "\($0)".contains(expected), "\(expected): \($0)")
                }
            }
            XCTAssertThrowsError(try corpus.write(dropping: drop(corpus, Array(0..<60)), before: [])) {
                XCTAssertTrue("\($0)".contains("raise the limit"), "\($0)")
            }
        }
    }
}
