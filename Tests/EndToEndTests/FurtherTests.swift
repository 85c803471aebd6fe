import Checkpoints
import Foundation
import TestSupport
import XCTest

final class FurtherTests: XCTestCase {
    func testAnAdapterChangesTheTraceAboveItsFirstLayerOnly() throws {
        try withCommand { command in
            let trained = try command.run(command.finetune("run", steps: 10))
            XCTAssertEqual(trained.code, 0, trained.error)
            try write(TinyModel.tone(200), to: command.path("clip.wav"))
            for (name, more) in [("plain", []), ("tuned", ["--adapter", "run"])] {
                let found = try command.run(
                    ["trace", "--model", command.model.path, "--audio", "clip.wav", "--out", name] + more)
                XCTAssertEqual(found.code, 0, found.error)
            }
            let plain = try SafetensorsFile(command.path("plain")), tuned = try SafetensorsFile(command.path("tuned"))
            for (name, same) in [
                ("mel", true), ("audio_features", true), ("layer.0", true), ("layer.1", false), ("layer.3", false),
                ("logits", false),
            ] {
                let equal = try plain.array(name).asArray() == tuned.array(name).asArray()
                XCTAssertEqual(equal, same, "layers 1-2 were tuned: \(name)")
            }
        }
    }

    func testTheSuiteOfContent() throws {
        try withCommand { command in
            let found = try command.run(
                "evaluate", "--model", command.model.path, "--corpus", command.corpus.path, "--suite", "content",
                "--out", "content", "--json")
            XCTAssertEqual(found.code, 0, found.error)
            XCTAssertEqual(
                try Data(contentsOf: command.path("content/evaluation-content.json")), Data(found.output.utf8))
            let errors = found.json?["wordErrors"] as? [String: Any]
            XCTAssertEqual(errors?["n"] as? Int, 20)
            XCTAssertGreaterThan(errors?["rate"] as? Double ?? 0, 0.1, "a random projector hears nothing")
            let content = found.json?["content"] as? [String: Any]
            for name in [
                "repeated", "topicHeard", "topicRead", "topicRepeated", "topicReferences", "echoesHeard", "echoesRead",
            ] {
                let figure = content?[name] as? [String: Any]
                XCTAssertGreaterThan(figure?["n"] as? Int ?? 0, 1, name)
                XCTAssertNotNil(figure?["interval"], name)
            }
            let clips = try XCTUnwrap(content?["clips"] as? [[String: Any]])
            func share(_ list: String) -> Double {
                let right = clips.count { ($0[list] as? [String: Any])?["isOnTopic"] as? Bool == true }
                return Double(right) / Double(clips.count)
            }
            XCTAssertEqual(
                (content?["topicRead"] as? [String: Any])?["share"] as? Double ?? -1, share("read"), accuracy: 1e-9)
            XCTAssertEqual(
                (content?["topicDifference"] as? [String: Any])?["mean"] as? Double ?? -9,
                share("heard") - share("read"),
                accuracy: 1e-9)
            let safety = try command.run(
                "evaluate", "--model", command.model.path, "--corpus", command.corpus.path, "--suite", "safety",
                "--out",
                "out")
            XCTAssertEqual(safety.code, 2)
            XCTAssertTrue(safety.error.contains("safety"), safety.error)
            XCTAssertFalse(command.exists("out"))
        }
    }

    func testACorpusWithADamagedClipIsUnfit() throws {
        try withCommand { command in
            let clip = command.corpus.appendingPathComponent("audio/age-0-child.wav")
            try Data(contentsOf: clip).prefix(500).write(to: clip)
            let found = try command.run("corpus", "check", command.corpus.path)
            XCTAssertEqual(found.code, 1, found.error + found.output)
            XCTAssertTrue(found.error.contains("age-0-child"), found.error)
        }
    }

    func testBadLinesAreLeftOutOnRequestOnly() throws {
        try withCommand { command in
            let file = command.corpus.appendingPathComponent("corpus.jsonl")
            let text = try String(contentsOf: file, encoding: .utf8)
            try Data((text + "{\n").utf8).write(to: file)
            XCTAssertEqual(try command.run("corpus", "check", command.corpus.path).code, 2)
            let found = try command.run("corpus", "check", command.corpus.path, "--skip-bad", "--json")
            XCTAssertEqual(found.code, 0, found.error)
            XCTAssertEqual(found.json?["utterances"] as? Int, 60)
            let rejects = try String(
                contentsOf: file.deletingLastPathComponent().appendingPathComponent("bad-lines.jsonl"), encoding: .utf8)
            XCTAssertTrue(rejects.contains("corpus.jsonl:61"), rejects)
        }
    }

    /// The same settings twice, with a cold and a warm cache of features: the same bytes.
    func testTwoRunsAreEqual() throws {
        try withCommand { command in
            for name in ["one", "two"] {
                let found = try command.run(command.finetune(name, steps: 8))
                XCTAssertEqual(found.code, 0, found.error)
            }
            let other = try command.run(command.finetune("three", steps: 8, ["--seed", "2"]))
            XCTAssertEqual(other.code, 0, other.error)
            func weights(_ name: String) throws -> Data {
                try Data(contentsOf: command.path("\(name)/adapter/adapter_model.safetensors"))
            }
            XCTAssertEqual(try weights("one"), try weights("two"))
            XCTAssertNotEqual(try weights("one"), try weights("three"))
        }
    }

    func testSettingsFromAFile() throws {
        try withCommand { command in
            try Data("steps: 3\nlearningRate: 0.001\nadch: false\n".utf8).write(to: command.path("settings.yaml"))
            let found = try command.run(
                "finetune", "--model", command.model.path, "--corpus", command.corpus.path, "--layers", "0-0", "--out",
                "run", "--config", "settings.yaml", "--learning-rate", "0.002")
            XCTAssertEqual(found.code, 0, found.error)
            let written = try String(contentsOf: command.path("run/config.yaml"), encoding: .utf8)
            XCTAssertTrue(written.contains("steps: 3") && written.contains("adch: false"), written)
            XCTAssertTrue(written.contains("learningRate: 0.002"), "an option overrides the file: \(written)")
            XCTAssertFalse(command.exists("run/adapter/heads.safetensors"))
            // Model and bits of the file, which no option names.
            try Data("steps: 1\nmodel: \(command.model.path)\nquantize: 8\n".utf8).write(to: command.path("own.yaml"))
            let own = [
                "finetune", "--corpus", command.corpus.path, "--layers", "0-0", "--config", "own.yaml", "--json",
            ]
            let small = try command.run(own + ["--out", "small"])
            XCTAssertEqual(small.code, 0, small.error)
            let kept = try String(contentsOf: command.path("small/config.yaml"), encoding: .utf8)
            XCTAssertTrue(kept.contains("quantize: 8") && kept.contains("model: \(command.model.path)"), kept)
            try Data("steps: 1\nmodel: \(command.model.path)\n".utf8).write(to: command.path("own.yaml"))
            let stored = try command.run(own + ["--out", "stored"])
            let losses = [small, stored].compactMap { $0.json?["loss"] as? Double }
            XCTAssertEqual(losses.count, 2)
            XCTAssertNotEqual(losses.first, losses.last, "the bits were used, not only written down")
            try Data("quantize: 5\nmodel: \(command.model.path)\n".utf8).write(to: command.path("own.yaml"))
            let wrong = try command.run(own + ["--out", "wrong"])
            XCTAssertEqual(wrong.code, 2, wrong.error)
            XCTAssertTrue(wrong.error.contains("quantize"), wrong.error)
            // The embedded model, named by an option, goes before the file's (and is not set up here).
            try Data("steps: 1\nmodel: nowhere\n".utf8).write(to: command.path("own.yaml"))
            for (options, missing) in [([], "nowhere"), (["--model", "smol"], "resurface setup")] {
                let absent = try command.run(own + ["--out", "absent"] + options)
                XCTAssertEqual(absent.code, 2, absent.error)
                XCTAssertTrue(absent.error.contains(missing), absent.error)
            }
        }
    }

    func testDoctorAnswersWithoutAModel() throws {
        try withTemporaryFolder { folder in
            let found = try Command(folder: folder).run("doctor")
            XCTAssertFalse(found.crashed)
            XCTAssertTrue([0, 1].contains(found.code), "\(found.code): \(found.error)")
            XCTAssertFalse(found.output.isEmpty)
        }
    }
}
