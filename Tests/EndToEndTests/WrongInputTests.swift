import Foundation
import Speech
import TestSupport
import XCTest

func write(_ waveform: Waveform, to url: URL) throws { try WAVFile.write(waveform, to: url) }

/// Wrong input ends with 2 and a sentence, quickly, and nothing is written.
final class WrongInputTests: XCTestCase {
    private func assertRefused(
        _ command: Command, _ arguments: [String], says words: [String], writes: [String],
        file: StaticString = #filePath,
        line: UInt = #line
    ) throws {
        let start = Date(), found = try command.run(arguments)
        let told = "\(arguments): \(found.error.suffix(600))"
        XCTAssertFalse(found.crashed, told, file: file, line: line)
        XCTAssertEqual(found.code, 2, told, file: file, line: line)
        for word in words { XCTAssertTrue(found.error.contains(word), "\(word) in \(told)", file: file, line: line) }
        XCTAssertEqual(found.output, "", file: file, line: line)
        XCTAssertFalse(
            found.error.contains("Error Domain") || found.error.contains("Fatal"), told, file: file, line: line)
        for name in writes {
            XCTAssertFalse(command.exists(name), "\(name) was written: \(told)", file: file, line: line)
        }
        XCTAssertLessThan(Date().timeIntervalSince(start), 20, told, file: file, line: line)
    }

    private func trace(_ command: Command, _ audio: String, model: String? = nil) -> [String] {
        ["trace", "--model", model ?? command.model.path, "--audio", audio, "--out", "out.safetensors"]
    }

    func testModels() throws {
        try withCommand { command in
            try write(TinyModel.tone(200), to: command.path("good.wav"))
            let missing = command.path("nowhere").path
            for verb in [
                ["analyze", "--corpus", command.corpus.path, "--out", "out"],
                ["finetune", "--corpus", command.corpus.path, "--layers", "0-1", "--out", "out"],
                ["evaluate", "--corpus", command.corpus.path, "--out", "out"],
                ["trace", "--audio", "good.wav", "--out", "out"],
            ] {
                try assertRefused(
                    command, verb + ["--model", missing], says: [missing, "no such folder"], writes: ["out"])
            }
            let weights = command.model.appendingPathComponent("model.safetensors")
            let bytes = try Data(contentsOf: weights)
            for count in [0, 7, 200, bytes.count / 2, bytes.count - 1] {
                try bytes.prefix(count).write(to: weights)
                try assertRefused(
                    command, trace(command, "good.wav"), says: ["model.safetensors"], writes: ["out.safetensors"])
            }
            try bytes.write(to: weights)
            XCTAssertEqual(try command.run(trace(command, "good.wav")).code, 0)
            // The embedded model is not in this cache.
            try assertRefused(
                command, ["trace", "--audio", "good.wav", "--out", "none"], says: ["resurface setup"], writes: ["none"])
        }
    }

    /// A WAV header of 44 bytes: 16-bit mono.
    private func header(rate: Int, bytes: Int) -> Data {
        func little(_ value: Int, _ size: Int) -> Data {
            Data((0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) })
        }
        return Data("RIFF".utf8) + little(36 + bytes, 4) + Data("WAVEfmt ".utf8) + little(16, 4) + little(1, 2)
            + little(1, 2) + little(rate, 4) + little(2 * rate, 4) + little(2, 2) + little(16, 2) + Data("data".utf8)
            + little(bytes, 4)
    }

    func testClips() throws {
        try withCommand { command in
            try header(rate: 16_000, bytes: 0).write(to: command.path("empty.wav"))
            try (header(rate: 655_350, bytes: 3_200) + Data(count: 3_200)).write(to: command.path("rate.wav"))
            try Data("This is a text, not a sound.\n".utf8).write(to: command.path("text.wav"))
            let long = 3 * 3600 * 16_000 * 2
            try header(rate: 16_000, bytes: long).write(to: command.path("long.wav"))
            let handle = try FileHandle(forWritingTo: command.path("long.wav"))
            try handle.truncate(atOffset: UInt64(44 + long))  // sparse: takes no room
            try handle.close()
            for (name, words) in [
                ("empty.wav", ["0 samples"]), ("rate.wav", ["655350"]), ("text.wav", []), ("long.wav", ["600 s"]),
                ("absent.wav", []),
            ] as [(String, [String])] {
                try assertRefused(command, trace(command, name), says: [name] + words, writes: ["out.safetensors"])
                // The same clip in a corpus: the run ends before anything is written.
                let line = """
                    {"id": "bad", "audio": "audio/\(name)", "text": "a", "category": "age", "attribute": "child", \
                    "speaker": "s", "engine": "e", "split": "train", "response": "b"}

                    """
                try Data(line.utf8).write(to: command.corpus.appendingPathComponent("corpus.jsonl"))
                let inside = command.corpus.appendingPathComponent("audio/\(name)")
                if command.exists(name) { try FileManager.default.copyItem(at: command.path(name), to: inside) }
                try assertRefused(command, command.finetune("run"), says: [name] + words, writes: ["run"])
                try assertRefused(
                    command,
                    ["analyze", "--model", command.model.path, "--corpus", command.corpus.path, "--out", "layers"],
                    says: [name], writes: ["layers"])
            }
        }
    }

    func testCorpora() throws {
        try withCommand { command in
            let file = command.corpus.appendingPathComponent("corpus.jsonl")
            let good = try String(contentsOf: file, encoding: .utf8)
            let first = String(good.prefix { $0 != "\n" })
            func line(_ change: (String) -> String) -> String {
                good + change(first.replacingOccurrences(of: "\"id\":\"", with: "\"id\":\"x")) + "\n"
            }
            for (text, words) in [
                (good + "this is not JSON\n", ["corpus.jsonl:61"]),
                (
                    line { $0.replacingOccurrences(of: "\"attribute\":\"child\"", with: "\"attribute\":\"robot\"") },
                    ["corpus.jsonl:61", "attribute", "robot", "child, adult"]
                ),
                (
                    line { $0.replacingOccurrences(of: "age-0-child.wav", with: "gone.wav") },
                    ["corpus.jsonl:61", "gone.wav"]
                ),
                (line { $0.replacingOccurrences(of: "audio/", with: "../../") }, ["corpus.jsonl:61", "audio"]),
                (good + first + "\n", ["corpus.jsonl:61", "id"]), ("", ["no utterance"]),
            ] {
                try Data(text.utf8).write(to: file)
                try assertRefused(command, command.finetune("run"), says: words, writes: ["run"])
                try assertRefused(
                    command,
                    ["evaluate", "--model", command.model.path, "--corpus", command.corpus.path, "--out", "out"],
                    says: words, writes: ["out"])
                XCTAssertEqual(try command.run("corpus", "check", command.corpus.path).code, 2)
            }
            try assertRefused(
                command, ["corpus", "check", command.path("none").path], says: ["corpus.jsonl"], writes: ["none"])
        }
    }

    func testOptions() throws {
        try withCommand { command in
            for (layers, words) in [
                ("5-99", ["5-99", "0-3"]), ("2-1", ["2-1"]), ("all", ["all"]), ("-1-2", []), ("0-4", ["0-3"]),
                ("99999999999999999999-1", []),
            ] {
                let arguments = command.finetune("run").map { $0 == "1-2" ? layers : $0 }
                try assertRefused(command, arguments, says: words, writes: ["run"])
            }
            for (more, word) in [
                (["--learning-rate", "1e6"], "learning-rate"), (["--learning-rate", "nan"], "learning-rate"),
                (["--rank", "0"], "rank"), (["--steps", "-3"], "steps"), (["--colour", "red"], "--colour"),
                (["--batch-size", "many"], "many"), (["--save-every", "0"], "save-every"),
                (["--config", "none.yaml"], "none.yaml"),
                (["--layers", "auto"], "layers.json"),
                (["--micro-batch-size", "9223372036854775807"], "micro-batch-size"),
                (["--rank", "10000000000000000"], "rank"),
            ] {
                try assertRefused(command, command.finetune("run", more), says: [word], writes: ["run"])
            }
            for (text, word) in [
                ("learningRate: fast\n", "setting learningRate"), ("colour: red\n", "colour"), ("- 1\n", "mapping"),
                ("a: [\n", "wrong.yaml"),
                ("steps: 5.5\n", "setting steps"), ("microBatchSize: 9223372036854775807\n", "micro-batch-size"),
            ] {
                try Data(text.utf8).write(to: command.path("wrong.yaml"))
                try assertRefused(
                    command,
                    [
                        "finetune", "--model", command.model.path, "--corpus", command.corpus.path, "--layers", "0-1",
                        "--out",
                        "run", "--config", "wrong.yaml",
                    ], says: [word], writes: ["run"])
            }
            try Data("firstLayer: 1\n".utf8).write(to: command.path("wrong.yaml"))
            try assertRefused(
                command,
                [
                    "finetune", "--model", command.model.path, "--corpus", command.corpus.path, "--out", "run",
                    "--config",
                    "wrong.yaml",
                ], says: ["firstLayer", "lastLayer"], writes: ["run"])
            // Before a corpus is spoken for it.
            try assertRefused(
                command, ["reproduce", "--model", command.model.path, "--layers", "0-40", "--out", "all"],
                says: ["0-40", "0-3"], writes: ["all"])
            // Somewhere that cannot be written to: a file is in the way.
            try Data("x".utf8).write(to: command.path("file"))
            try assertRefused(command, command.finetune("file/run"), says: ["file/run"], writes: [])
            for verb in [
                ["analyze", "--out", "file/layers"], ["evaluate", "--out", "file/scores", "--tokens", "1"],
            ] {
                try assertRefused(
                    command, verb + ["--model", command.model.path, "--corpus", command.corpus.path],
                    says: ["file/"], writes: [])
            }
            XCTAssertEqual(try Data(contentsOf: command.path("file")), Data("x".utf8))
            try assertRefused(command, ["dance"], says: ["dance"], writes: [])
            try assertRefused(command, ["finetune"], says: ["--corpus"], writes: [])
            try assertRefused(
                command, ["evaluate", "--corpus", command.corpus.path, "--suite", "charm"], says: ["charm"], writes: [])
            try assertRefused(
                command,
                [
                    "evaluate", "--model", command.model.path, "--corpus", command.corpus.path, "--adapter", "none",
                    "--out", "out",
                ],
                says: ["none", "adapter"], writes: ["out"])
        }
    }
}
