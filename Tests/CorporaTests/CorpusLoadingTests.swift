import Corpora
import Foundation
import MLX
import Speech
import TestSupport
import XCTest

/// A corpus folder with one clip and given lines.
func withCorpus<R>(_ lines: String, _ body: (URL) throws -> R) throws -> R {
    try withTemporaryFolder { folder in
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("audio"), withIntermediateDirectories: true)
        try writeClip(folder.appendingPathComponent("audio/a.wav"))
        try Data(lines.utf8).write(to: folder.appendingPathComponent("corpus.jsonl"))
        return try body(folder)
    }
}

func writeClip(_ url: URL, hertz: Double = 220, seconds: Double = 0.3) throws {
    let samples = (0..<Int(16_000 * seconds)).map { Float(0.3 * sin(2 * .pi * hertz * Double($0) / 16_000)) }
    try WAVFile.write(Waveform(samples: samples, sampleRate: 16_000), to: url)
}

/// A good line, with fields put in place of its own ("nil" takes one out).
func line(_ changes: [String: String] = [:]) -> String {
    var fields = [
        "id": "\"a\"", "audio": "\"audio/a.wav\"", "text": "\"Hello there.\"", "category": "\"age\"",
        "attribute": "\"child\"", "speaker": "\"s1\"", "engine": "\"hibari\"", "split": "\"train\"",
        "response": "\"Hi!\"",
    ]
    for (key, value) in changes { fields[key] = value == "nil" ? nil : value }
    return "{" + fields.keys.sorted().map { "\"\($0)\": \(fields[$0] ?? "")" }.joined(separator: ", ") + "}"
}

final class CorpusLoadingTests: XCTestCase {
    func testReadsWhatItWrites() throws {
        try withCorpus("") { folder in
            let utterances = [
                Utterance(
                    id: "x", audio: "audio/a.wav", text: "Say \"hi\" to \u{e9}mile\u{1f600}", category: .emotion,
                    attribute: "sad", speaker: "s", engine: "e", split: .test, response: "r\nr", generic: "g",
                    intent: "i", declaredAge: 7, scenario: "fire", voice: ["age": "adult", "emotion": "neutral"]),
                Utterance(id: "y", audio: "audio/a.wav", text: "t", speaker: "s", engine: "e", split: .train),
            ]
            try Corpus(folder: folder, utterances: utterances).write()
            XCTAssertEqual(try Corpus.load(folder).utterances, utterances)
        }
    }

    func testMarkCarriageReturnsAndBlankLines() throws {
        let text = "\u{feff}" + line() + "\r\n\r\n  \n" + line(["id": "\"b\""]) + "\r\n"
        try withCorpus(text) { folder in
            XCTAssertEqual(try Corpus.load(folder).utterances.map(\.id), ["a", "b"])
        }
        try withCorpus(line()) { folder in  // no newline at the end
            XCTAssertEqual(try Corpus.load(folder.appendingPathComponent("corpus.jsonl")).utterances.count, 1)
        }
    }

    /// Each bad line: an error with file:line and the words that say what is wrong.
    func testBadLines() throws {
        let long = "\"" + String(repeating: "a", count: 10_000_000) + "\""
        let cases: [(String, [String])] = [
            (line(["audio": "\"audio/none.wav\""]), ["\"audio\"", "nothing readable"]),
            (line(["audio": "\"../a.wav\""]), ["inside the corpus folder"]),
            (line(["audio": "\"audio/../../a.wav\""]), ["inside the corpus folder"]),
            (line(["audio": "\"/etc/passwd\""]), ["inside the corpus folder"]),
            (line(["audio": "\"audio\""]), ["expected an audio file"]),
            (line(["audio": "\"a\\u0000b\""]), ["NUL"]),
            (line(["category": "\"height\""]), ["\"category\"", "age, gender, emotion", "height"]),
            (line(["attribute": "\"female\""]), ["\"attribute\"", "child, adult", "female"]),
            (line(["attribute": "nil"]), ["\"attribute\"", "found nothing"]),
            (line(["category": "nil"]), ["\"category\""]),
            (line(["split": "\"dev\""]), ["\"split\"", "train, validation, test", "dev"]),
            (line(["split": "nil"]), ["\"split\"", "found nothing"]),
            (line(["response": "\"  \""]), ["\"response\"", "not empty"]),
            (line(["text": "\"\""]), ["\"text\"", "not empty"]),
            (line(["text": "7"]), ["\"text\"", "expected a text", "7"]),
            (line(["id": "nil"]), ["\"id\""]),
            (line(["declaredAge": "-1"]), ["\"declaredAge\"", "0 to 130"]),
            (line(["declaredAge": "1e99"]), ["\"declaredAge\""]),
            (line(["voice": "{\"age\": \"old\"}"]), ["\"voice\"", "child, adult"]),
            (line(["voice": "[]"]), ["\"voice\"", "object"]),
            (line(["catagory": "\"age\""]), ["unknown field", "catagory"]),
            (line() + " x", ["JSON"]),
            ("[1]", ["object"]),
            ("{\"id\": \"a\", \"id\": \"b\"}", ["twice"]),
            (String(repeating: "[", count: 100_000), ["deeper"]),
            (line(["text": long]), ["bytes", "at most"]),
        ]
        for (bad, words) in cases {
            try withCorpus(line(["id": "\"first\""]) + "\n" + bad + "\n") { folder in
                XCTAssertThrowsError(try Corpus.load(folder), "accepted: \(bad.prefix(200))") { error in
                    let text = (error as? CorpusError)?.description ?? ""
                    XCTAssertTrue(text.contains("corpus.jsonl:2"), "no line number in: \(text)")
                    for word in words { XCTAssertTrue(text.contains(word), "no \"\(word)\" in: \(text)") }
                    XCTAssertLessThan(text.count, 1_000)
                }
                let kept = try Corpus.load(folder, skipBad: true)
                XCTAssertEqual(kept.utterances.map(\.id), ["first"])
                XCTAssertEqual(kept.rejects.map(\.line), [2])
            }
        }
    }

    func testLinksMustStayInside() throws {
        try withTemporaryFolder { outside in
            try writeClip(outside.appendingPathComponent("secret.wav"))
            try withCorpus(line(["audio": "\"audio/link.wav\""])) { folder in
                let link = folder.appendingPathComponent("audio/link.wav")
                try FileManager.default.createSymbolicLink(
                    at: link, withDestinationURL: outside.appendingPathComponent("secret.wav"))
                XCTAssertThrowsError(try Corpus.load(folder)) { XCTAssertTrue("\($0)".contains("leaves"), "\($0)") }
                try FileManager.default.removeItem(at: link)
                try FileManager.default.createSymbolicLink(at: link, withDestinationURL: link)  // a loop
                XCTAssertThrowsError(try Corpus.load(folder)) { XCTAssertTrue($0 is CorpusError, "\($0)") }
                try FileManager.default.removeItem(at: link)
                try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: "a.wav")
                XCTAssertEqual(try Corpus.load(folder).utterances.count, 1)
            }
        }
    }

    func testDuplicateIdsAndEmptyCorpora() throws {
        try withCorpus(line() + "\n" + line()) { folder in
            XCTAssertThrowsError(try Corpus.load(folder)) {
                XCTAssertTrue("\($0)".contains("on line 1 already"), "\($0)")
            }
        }
        try withCorpus("\n") { folder in XCTAssertThrowsError(try Corpus.load(folder)) }
        try withTemporaryFolder { folder in XCTAssertThrowsError(try Corpus.load(folder)) }
    }

    /// 0 silent drops: what is not loaded is in the file of rejects.
    func testRejectsFile() throws {
        var text = ""
        for index in 0..<40 {
            text += (index % 3 == 1 ? "{oops}" : line(["id": "\"u\(index)\""])) + "\n"
        }
        try withCorpus(text) { folder in
            let file = folder.appendingPathComponent("rejects.jsonl")
            let corpus = try Corpus.load(folder, skipBad: true, rejectsFile: file)
            let rejected = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            XCTAssertEqual(corpus.utterances.count + rejected.count, 40)
            XCTAssertEqual(rejected.count, 13)
            XCTAssertTrue(rejected.allSatisfy { $0.contains("{oops}") && $0.contains("\"line\"") })
        }
    }

    func testMessagesLines() throws {
        let good = """
            {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "<audio>What is it?"}, \
            {"role": "assistant", "content": "A lamp."}], "audios": ["audio/a.wav"], "category": "age", \
            "attribute": "adult"}
            """
        try withCorpus(good) { folder in
            let utterance = try Corpus.load(folder).utterances[0]
            XCTAssertEqual(utterance.id, "line-1")
            XCTAssertEqual(utterance.text, "What is it?")
            XCTAssertEqual(utterance.response, "A lamp.")
            XCTAssertEqual(utterance.attribute, "adult")
            XCTAssertEqual(utterance.split, .train)
        }
        let bad: [(String, String)] = [
            (good.replacingOccurrences(of: "<audio>", with: "<audio><audio>"), "not 2 times"),
            (good.replacingOccurrences(of: "<audio>", with: ""), "not 0 times"),
            (good.replacingOccurrences(of: "A lamp.", with: "<audio>"), "user's turn only"),
            (good.replacingOccurrences(of: "A lamp.", with: " "), "not empty"),
            (good.replacingOccurrences(of: "[\"audio/a.wav\"]", with: "[]"), "one path"),
            (good.replacingOccurrences(of: "[\"audio/a.wav\"]", with: "[\"audio/a.wav\", \"b\"]"), "one path"),
            (good.replacingOccurrences(of: "audio/a.wav", with: "/etc/passwd"), "inside the corpus folder"),
            (good.replacingOccurrences(of: "\"assistant\"", with: "\"user\""), "one user turn"),
            (good.replacingOccurrences(of: "\"system\"", with: "\"tool\""), "role"),
            ("{\"messages\": 3, \"audios\": [\"audio/a.wav\"]}", "turns"),
        ]
        for (text, word) in bad {
            try withCorpus(text) { folder in
                XCTAssertThrowsError(try Corpus.load(folder), text) {
                    XCTAssertTrue("\($0)".contains(word), "no \"\(word)\" in: \($0)")
                }
            }
        }
    }

    /// Seeded damage to a good file: an error or a corpus, never a crash.
    func testMutations() throws {
        let good = Array((line() + "\n" + line(["id": "\"b\""]) + "\n").utf8)
        var generator = SeededGenerator(seed: 7)
        try withCorpus("") { folder in
            for _ in 0..<600 {
                let bytes = damaged(good, by: &generator)
                try Data(bytes).write(to: folder.appendingPathComponent("corpus.jsonl"))
                do {
                    for utterance in try Corpus.load(folder).utterances {
                        XCTAssertFalse(utterance.audio.contains(".."))
                    }
                } catch { XCTAssertTrue(error is CorpusError, "\(error)") }
            }
        }
    }

    func testCheckFindsLeaksSilenceAndTellingEngines() throws {
        let lines = [
            line(), line(["id": "\"b\"", "split": "\"test\"", "text": "\"hello THERE\""]),
            line(["id": "\"c\"", "attribute": "\"adult\"", "engine": "\"piper\"", "text": "\"Other.\""]),
            line(["id": "\"d\"", "audio": "\"audio/broken.wav\"", "text": "\"Third.\""]),
            line(["id": "\"e\"", "audio": "\"audio/silent.wav\"", "text": "\"Fourth.\""]),
        ]
        try withCorpus(lines.joined(separator: "\n")) { folder in
            try Data("RIFF----".utf8).write(to: folder.appendingPathComponent("audio/broken.wav"))
            try WAVFile.write(
                Waveform(samples: [Float](repeating: 0, count: 8_000), sampleRate: 16_000),
                to: folder.appendingPathComponent("audio/silent.wav"))
            let report = try Corpus.load(folder).check()
            XCTAssertEqual(report.problems.count, 3, "\(report.problems)")
            XCTAssertTrue(report.problems[0].hasPrefix("d: "))
            XCTAssertTrue(report.problems[1].contains("silent"))
            XCTAssertTrue(report.problems[2].contains("test and train"))
            XCTAssertEqual(report.warnings.filter { $0.contains("all training clips of the engine") }.count, 2)
            XCTAssertEqual(report.samples, 3 * 4_800 + 8_000)
            XCTAssertEqual(report.counts.map(\.clips).reduce(0, +), 5)
        }
    }
}
