import Checkpoints
import Foundation
import TestSupport
import XCTest

final class VerbTests: XCTestCase {
    func testHelpOfEveryVerb() throws {
        try withTemporaryFolder { folder in
            let command = Command(folder: folder)
            for verb in [
                [], ["setup"], ["corpus"], ["corpus", "build"], ["corpus", "import"], ["corpus", "check"], ["analyze"],
                ["finetune"], ["evaluate"], ["reproduce"], ["trace"], ["align"], ["doctor"],
            ] {
                let found = try command.run(verb + ["--help"])
                XCTAssertEqual(found.code, 0, "\(verb): \(found.error)")
                XCTAssertTrue(found.output.contains("USAGE: resurface"), "\(verb): \(found.output)")
                XCTAssertTrue(found.output.contains("OVERVIEW"), "\(verb) says what it does")
                XCTAssertEqual(found.error, "", "\(verb)")
            }
            XCTAssertEqual(try command.run("--version").code, 0)
            XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), ["logs"])
        }
    }

    /// A test set without training references is judged by those of another corpus, to the same figures.
    private func judgedByAnotherCorpus(_ command: Command, metrics: [String: [String: [String: Any]]]) throws {
        let file = "corpus.jsonl", manager = FileManager.default
        let lines = try String(contentsOf: command.corpus.appendingPathComponent(file), encoding: .utf8)
            .split(separator: "\n")
        func copy(_ name: String, _ lines: [String]) throws {
            try manager.copyItem(at: command.corpus, to: command.path(name))
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(
                to: command.path(name).appendingPathComponent(file))
        }
        let held = lines.filter { !$0.contains(/"split" ?: ?"train"/) }.map(String.init)
        XCTAssertTrue((1..<lines.count).contains(held.count), "\(held.count) of \(lines.count)")
        try copy("held", held)
        let arguments = [
            "evaluate", "--model", command.model.path, "--corpus", "held", "--adapter", "run", "--tokens", "6",
            "--json",
        ]
        let alone = try command.run(arguments)
        XCTAssertEqual(alone.code, 2, alone.error)
        XCTAssertTrue(alone.error.contains("--judge-corpus"), alone.error)
        let judged = try command.run(arguments + ["--judge-corpus", command.corpus.path])
        XCTAssertEqual(judged.code, 0, judged.error)
        XCTAssertEqual(judged.json?["metrics"] as? NSDictionary, metrics as NSDictionary)
        XCTAssertEqual((judged.json?["settings"] as? [String: Any])?["judgeCorpus"] as? String, "corpus")
        // What is measured must not be what the judge learns from.
        try copy("leak", held.map { $0.replacing(/"split" ?: ?"[a-z]+"/, with: #""split":"train""#) })
        let leaking = try command.run(arguments + ["--judge-corpus", "leak"])
        XCTAssertEqual(leaking.code, 2, leaking.error)
        XCTAssertTrue(leaking.error.contains("train"), leaking.error)
        let deaf = try command.run(arguments + ["--judge-corpus", "held", "--suite", "heads"])
        XCTAssertNotEqual(deaf.code, 0)
        XCTAssertTrue(deaf.error.contains("--judge-corpus"), deaf.error)
    }

    /// The whole way on the tiny model: train, measure, analyse, look inside.
    func testTheWholeWay() throws {
        try withCommand { command in
            let model = command.model.path, corpus = command.corpus.path
            let check = try command.run("corpus", "check", corpus, "--json")
            XCTAssertEqual(check.code, 0, check.error + check.output)
            XCTAssertEqual(check.json?["utterances"] as? Int, 60)

            let trained = try command.run(command.finetune("run", steps: 20, ["--json"]))
            XCTAssertEqual(trained.code, 0, trained.error)
            XCTAssertEqual(trained.json?["step"] as? Int, 20, trained.output)
            try AtomicDirectory.verify(command.path("run/adapter"))
            let lines = try String(contentsOf: command.path("run/metrics.jsonl"), encoding: .utf8).split(
                separator: "\n")
            XCTAssertEqual(lines.count, 20)
            XCTAssertEqual(command.leftovers("run"), [])

            let measured = try command.run(
                "evaluate", "--model", model, "--corpus", corpus, "--adapter", "run", "--tokens", "6", "--out",
                "scores",
                "--json")
            XCTAssertEqual(measured.code, 0, measured.error)
            XCTAssertEqual(
                try Data(contentsOf: command.path("scores/evaluation.json")), Data(measured.output.utf8))
            let metrics = try XCTUnwrap(measured.json?["metrics"] as? [String: [String: [String: Any]]])
            XCTAssertEqual(metrics["emotion"]?["all"]?["n"] as? Int, 12)
            XCTAssertEqual(metrics["age"]?["child"]?["n"] as? Int, 2)
            let score = try XCTUnwrap(metrics["gender"]?["all"]?["paScore"] as? Double)
            XCTAssertTrue((-1...1).contains(score))

            try judgedByAnotherCorpus(command, metrics: metrics)

            let heads = try command.run(
                "evaluate", "--model", model, "--corpus", corpus, "--adapter", "run", "--suite", "heads", "--split",
                "all", "--out", "scores", "--json")
            XCTAssertEqual(heads.code, 0, heads.error)
            XCTAssertEqual(
                try Data(contentsOf: command.path("scores/evaluation-heads.json")), Data(heads.output.utf8))
            XCTAssertEqual(
                try Data(contentsOf: command.path("scores/evaluation.json")), Data(measured.output.utf8),
                "one suite's result in the place of another's")
            let heard = try XCTUnwrap(heads.json as? [String: [String: Any]])
            XCTAssertEqual(Set(heard.keys), ["age", "gender", "emotion"])
            XCTAssertEqual(heard["age"]?["chance"] as? Double, 0.5)
            XCTAssertGreaterThan(heard["age"]?["n"] as? Int ?? 0, 4, "training clips too")
            let tuned = try command.run(
                "analyze", "--model", model, "--corpus", corpus, "--adapter", "run", "--rms", "-30", "--out", "tuned",
                "--batch-size", "5", "--json")
            XCTAssertEqual(tuned.code, 0, tuned.error)

            let analysed = try command.run(
                "analyze", "--model", model, "--corpus", corpus, "--out", "layers", "--batch-size", "5", "--json")
            XCTAssertEqual(analysed.code, 0, analysed.error)
            XCTAssertNotEqual(analysed.json?["modelHash"] as? String, tuned.json?["modelHash"] as? String)
            XCTAssertNotEqual(analysed.json?["modelHash"] as? String ?? "", "")
            XCTAssertEqual(analysed.json?["layers"] as? Int, 4)
            XCTAssertEqual(analysed.json?["clips"] as? Int, 60)
            XCTAssertTrue(command.exists("layers/layers.json"))
            // No clip has an intent, so that the lens looks at all.
            let lens = try XCTUnwrap(
                (analysed.json?["analyses"] as? [[String: Any]])?.first { $0["name"] as? String == "logitLens" })
            let curve = try XCTUnwrap((lens["curves"] as? [[String: Any]])?.first)
            XCTAssertEqual((curve["data"] as? [String: Any])?["n"] as? Int, 60)
            let page = try String(contentsOf: command.path("layers/report.html"), encoding: .utf8)
            XCTAssertTrue(page.contains("Layers of model"))

            let auto = try command.run(
                "finetune", "--model", model, "--corpus", corpus, "--layers", "auto", "--layers-file",
                "layers/layers.json", "--out", "auto", "--steps", "2", "--no-adch")
            XCTAssertEqual(auto.code, 0, auto.error)
            XCTAssertFalse(command.exists("auto/adapter/heads.safetensors"))
        }
    }

    /// A system turn is part of what a run was trained with: whoever measures its adapter asks so too.
    func testTheSystemTurnOfARun() throws {
        try withCommand { command in
            let trained = try command.run(command.finetune("run", steps: 2, ["--system", "Be kind."]))
            XCTAssertEqual(trained.code, 0, trained.error)
            func asked(_ more: String...) throws -> String? {
                let found = try command.run(
                    [
                        "evaluate", "--model", command.model.path, "--corpus", command.corpus.path, "--tokens", "2",
                        "--json",
                    ]
                        + more)
                XCTAssertEqual(found.code, 0, found.error)
                return (found.json?["settings"] as? [String: Any])?["systemPrompt"] as? String
            }
            XCTAssertEqual(try asked("--adapter", "run"), "Be kind.")
            XCTAssertEqual(try asked("--adapter", "run/adapter"), "Be kind.")
            XCTAssertEqual(try asked("--adapter", "run", "--system", "Be brief."), "Be brief.")
            XCTAssertNil(try asked("--adapter", "run", "--system", ""))
            XCTAssertNil(try asked())
            // And it reaches the model.
            try write(TinyModel.tone(200), to: command.path("clip.wav"))
            var lengths: [Int] = []
            for more in [[], ["--system", "Be kind."], ["--adapter", "run"]] {
                let found = try command.run(
                    ["trace", "--model", command.model.path, "--audio", "clip.wav", "--out", "trace", "--json"] + more)
                lengths.append(try XCTUnwrap(found.json?["length"] as? Int, found.error))
            }
            XCTAssertGreaterThan(lengths[1], lengths[0])
            XCTAssertEqual(lengths[2], lengths[1])
            try Data("system: [1\n".utf8).write(to: command.path("run/config.yaml"))
            let damaged = try command.run(
                "evaluate", "--model", command.model.path, "--corpus", command.corpus.path, "--adapter", "run")
            XCTAssertEqual(damaged.code, 2)
            XCTAssertTrue(damaged.error.contains("run/config.yaml"), damaged.error)
        }
    }

    /// The file of a run trains the same layers again, without being told which.
    func testTheSettingsOfARunAreASettingsFile() throws {
        try withCommand { command in
            XCTAssertEqual(try command.run(command.finetune("run", steps: 2)).code, 0)
            let arguments = [
                "finetune", "--model", command.model.path, "--corpus", command.corpus.path, "--config",
                "run/config.yaml",
            ]
            let again = try command.run(arguments + ["--out", "again"])
            XCTAssertEqual(again.code, 0, again.error)
            for file in ["config.yaml", "adapter/adapter_model.safetensors"] {
                XCTAssertEqual(
                    try Data(contentsOf: command.path("again/" + file)),
                    try Data(contentsOf: command.path("run/" + file)))
            }
            let other = try command.run(arguments + ["--layers", "0-0", "--out", "other"])
            XCTAssertEqual(other.code, 0, other.error)
            XCTAssertTrue(
                try String(contentsOf: command.path("other/config.yaml"), encoding: .utf8).contains("lastLayer: 0"))
        }
    }

    func testTraceNamesAndShapes() throws {
        try withCommand(corpus: false) { command in
            try XCTAssertNoThrow(write(TinyModel.tone(200, seconds: 1), to: command.path("clip.wav")))
            let found = try command.run(
                "trace", "--model", command.model.path, "--audio", "clip.wav", "--prompt", "the kite", "--tokens", "5",
                "--out", "trace.safetensors", "--json")
            XCTAssertEqual(found.code, 0, found.error)
            let file = try SafetensorsFile(command.path("trace.safetensors"))
            let T = try XCTUnwrap(found.json?["length"] as? Int)
            let positions = try XCTUnwrap(found.json?["audioPositions"] as? [Int])
            var expected = [
                "mel": [100, 80], "audio_features": [positions.count, 32], "input_ids": [T], "audio_mask": [T],
                "pooled": [4, 32], "logits": [300],
            ]
            for l in 0..<4 { expected["layer.\(l)"] = [T, 32] }
            XCTAssertEqual(file.names.filter { $0 != "generated" }, expected.keys.sorted())
            for (name, shape) in expected { XCTAssertEqual(try file.info(name).shape, shape, name) }
            let mask = try file.array("audio_mask").asArray()
            XCTAssertEqual(mask.indices.filter { mask[$0] != 0 }, positions)
            for name in file.names {
                XCTAssertTrue(try file.array(name).asArray().allSatisfy(\.isFinite), name)
            }
            // pooled is the mean of layer.L over the audio positions.
            let layer = try file.array("layer.3").asArray(), pooled = try file.array("pooled").asArray()
            let mean = positions.reduce(Float(0)) { $0 + layer[$1 * 32 + 7] } / Float(positions.count)
            XCTAssertEqual(pooled[3 * 32 + 7], mean, accuracy: 1e-4)
            let again = try command.run(
                "trace", "--model", command.model.path, "--audio", "clip.wav", "--prompt", "the kite", "--tokens", "5",
                "--out", "again.safetensors")
            XCTAssertEqual(again.code, 0, again.error)
            XCTAssertEqual(
                try Data(contentsOf: command.path("trace.safetensors")),
                try Data(contentsOf: command.path("again.safetensors")))
        }
    }
}
