import Checkpoints
import Corpora
import Foundation
import TestSupport
import XCTest

/// Both stages of the alignment in miniature, through the command: the tiny model lies where the embedded one is kept.
final class AlignTests: XCTestCase {
    private func withCorpus(_ body: (Command) throws -> Void) throws {
        try withCommand(corpus: false) { command in
            let model = command.path("cache/smol-1")
            try TinyModel().write(to: model)
            let utterances = try WordTones.write(to: command.corpus, train: 16)
            try Corpus(folder: command.corpus, utterances: utterances).write()
            try body(command)
        }
    }

    private func projector(_ command: Command, _ out: String, steps: Int = 200, _ more: [String] = []) -> [String] {
        [
            "align", "projector", "--corpus", command.corpus.path, "--out", out, "--steps", "\(steps)", "--batch-size",
            "6", "--learning-rate", "0.005", "--speed-change", "0", "--voice-dimensions", "4", "--json",
        ] + more
    }

    func testProjectorStoppedAndResumedThenLanguage() throws {
        try withCorpus { command in
            let straight = try command.run(projector(command, "straight.safetensors"))
            XCTAssertEqual(straight.code, 0, straight.error)
            let errors = try XCTUnwrap(straight.json?["wordErrors"] as? [String: [String: Any]], straight.output)
            XCTAssertEqual(errors["all"]?["n"] as? Int, 4, straight.output)

            let running = try Command.Running(projector(command, "part.safetensors"), in: command.folder)
            XCTAssertTrue(running.wait { running.errorText.contains("training, step 1/200") }, running.errorText)
            kill(running.process.processIdentifier, SIGINT)
            let stopped = running.result()
            XCTAssertEqual(stopped.code, 130, stopped.error)
            XCTAssertFalse(command.exists("part.safetensors"))
            XCTAssertTrue(command.exists("part.safetensors.checkpoint/state.json"))
            let without = try command.run(projector(command, "part.safetensors"))
            XCTAssertNotEqual(without.code, 0)
            XCTAssertTrue(without.error.contains("--resume"), without.error)
            let other = try command.run(projector(command, "part.safetensors", steps: 100, ["--resume"]))
            XCTAssertEqual(other.code, 2)
            XCTAssertTrue(other.error.contains("another run"), other.error)
            let rest = try command.run(projector(command, "part.safetensors", ["--resume"]))
            XCTAssertEqual(rest.code, 0, rest.error)
            XCTAssertEqual(
                try Data(contentsOf: command.path("part.safetensors")),
                try Data(contentsOf: command.path("straight.safetensors")))
            XCTAssertFalse(command.exists("part.safetensors.checkpoint"))

            let language = try command.run(
                "align", "language", "--corpus", command.corpus.path, "--projector", "straight.safetensors", "--out",
                "language", "--batch-size", "4", "--rank", "2", "--weights", "half", "--json")
            XCTAssertEqual(language.code, 0, language.error)
            XCTAssertEqual(language.json?["clips"] as? Int, 16, language.output)
            // Both stages group the held-out clips alike.
            let repeated = try XCTUnwrap(language.json?["repeated"] as? [String: [String: Any]], language.output)
            XCTAssertEqual(
                repeated.mapValues { $0["n"] as? Int }, errors.mapValues { $0["n"] as? Int }, language.output)
            // Before the work: a folder with other files is not replaced.
            let refused = try command.run(
                "align", "language", "--corpus", command.corpus.path, "--projector", "straight.safetensors", "--out",
                "more", "--weights", command.corpus.path)
            XCTAssertEqual(refused.code, 2, refused.error)
            XCTAssertTrue(refused.error.contains("other files"), refused.error)
            XCTAssertTrue(command.exists("corpus/corpus.jsonl") && !command.exists("more"))
            let weights = try SafetensorsFile(command.path("half/adapter_model.safetensors"))
            XCTAssertFalse(weights.names.isEmpty)
            XCTAssertTrue(try weights.names.allSatisfy { try weights.info($0).type == .f16 })
        }
    }

    func testTheEncoderToo() throws {
        try withCorpus { command in
            let tuned = try command.run(
                projector(command, "tuned.safetensors", steps: 5, ["--encoder-learning-rate", "0.001"]))
            XCTAssertEqual(tuned.code, 0, tuned.error)
            let file = try SafetensorsFile(command.path("tuned.safetensors"))
            XCTAssertTrue(file.names.contains { $0.hasPrefix("audio_tower.layers.") })
            XCTAssertTrue(file.metadata["command"]?.contains("--encoder-learning-rate 0.001") == true)
            let voice = try command.run(
                projector(command, "voice.safetensors", steps: 0, ["--initial", "tuned.safetensors"]))
            XCTAssertEqual(voice.code, 0, voice.error)
            let set = try SafetensorsFile(command.path("voice.safetensors"))
            XCTAssertEqual(set.metadata["initial_command"], file.metadata["command"])
            XCTAssertTrue(set.metadata["command"]?.contains("--initial FILE --steps 0") == true)
            let none = try command.run(
                projector(
                    command, "none.safetensors", steps: 0,
                    ["--initial", "tuned.safetensors", "--encoder-learning-rate", "0.001"]))
            XCTAssertNotEqual(none.code, 0)
            XCTAssertTrue(none.error.contains("--encoder-learning-rate"), none.error)
        }
    }
}
