import Foundation
import TestSupport
import XCTest

/// `corpus import` as a user runs it, and what it makes in the hands of the other verbs.
final class ImportTests: XCTestCase {
    private func write(_ text: String, _ name: String, _ command: Command) throws {
        let url = command.path(name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    private func clip(_ hertz: Float, _ name: String, _ command: Command) throws {
        let url = command.path(name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try EndToEndTests.write(TinyModel.tone(hertz, seconds: 0.3), to: url)
    }

    func testCremaD() throws {
        try withCommand(corpus: false) { command in
            var actors = "\"ActorID\",\"Age\",\"Sex\",\"Race\",\"Ethnicity\"\n"
            for actor in 1001...1006 {
                actors += "\(actor),30,\"\(actor % 2 == 1 ? "Male" : "Female")\",\"Asian\",\"Not Hispanic\"\n"
                for (index, emotion) in ["ANG", "SAD", "NEU"].enumerated() {
                    try clip(
                        Float(120 + 7 * (actor - 1000) + 90 * index), "crema/AudioWAV/\(actor)_DFA_\(emotion)_XX.wav",
                        command)
                }
            }
            try write(actors, "crema/VideoDemographics.csv", command)
            let made = try command.run("corpus", "import", "crema-d", "crema", "--out", "corpus", "--json")
            XCTAssertEqual(made.code, 0, made.error)
            XCTAssertEqual(made.json?["utterances"] as? Int, 18)
            XCTAssertEqual(made.json?["rejects"] as? Int, 0)
            let check = try command.run("corpus", "check", "corpus", "--json")
            XCTAssertEqual(check.code, 0, check.error)
            XCTAssertEqual(check.json?["warnings"] as? [String], [])
            let lines = try String(contentsOf: command.path("corpus/corpus.jsonl"), encoding: .utf8)
            XCTAssertEqual(lines.components(separatedBy: "\"attribute\":\"angry\"").count - 1, 6)
            XCTAssertEqual(lines.components(separatedBy: "\"gender\":\"female\"").count - 1, 9)

            // An unknown emotion ends it; left out, it is in the file of rejects.
            try clip(300, "crema/AudioWAV/1001_DFA_JOY_XX.wav", command)
            let refused = try command.run("corpus", "import", "crema-d", "crema", "--out", "strict")
            XCTAssertEqual(refused.code, 2)
            XCTAssertTrue(refused.error.contains("1001_DFA_JOY_XX"), refused.error)
            XCTAssertFalse(command.exists("strict"))
            let kept = try command.run("corpus", "import", "crema-d", "crema", "--out", "kept", "--skip-bad", "--link")
            XCTAssertEqual(kept.code, 0, kept.error)
            XCTAssertTrue(kept.output.contains("18 utterances, 1 left out"), kept.output)
            let rejects = try String(contentsOf: command.path("kept/rejects.jsonl"), encoding: .utf8)
            XCTAssertTrue(rejects.contains("JOY"), rejects)
            XCTAssertEqual(command.leftovers("kept"), [])
        }
    }

    /// The analyses that need intents find them.
    func testFluentSpeechCommandsAreAnalysed() throws {
        try withCommand(corpus: false) { command in
            let header = ",path,speakerId,transcription,action,object,location\n"
            let words = ["activate": ["Lights on", "Switch it on"], "deactivate": ["Lights off", "Switch it off"]]
            var lists = ["train": header, "valid": header, "test": header]
            var people = "speakerId,Self-reported fluency level ,gender,ageRange\n", count = 0
            for (speaker, list) in ["train", "train", "valid", "test"].enumerated() {
                people += "s\(speaker),native,\(speaker % 2 == 0 ? "male" : "female"),22-40\n"
                for action in words.keys.sorted() {
                    for (index, text) in (words[action] ?? []).enumerated() {
                        // The second wording is not heard in training.
                        guard (index == 0) == (list == "train") else { continue }
                        let name = "wavs/speakers/s\(speaker)/\(count).wav"
                        try clip(Float(150 + 13 * count), "fsc/" + name, command)
                        lists[list, default: ""] += "\(count),\(name),s\(speaker),\(text),\(action),lights,none\n"
                        count += 1
                    }
                }
            }
            try write(people, "fsc/data/speaker_demographics.csv", command)
            for (list, text) in lists { try write(text, "fsc/data/\(list)_data.csv", command) }
            let made = try command.run("corpus", "import", "fsc", "fsc", "--out", "corpus")
            XCTAssertEqual(made.code, 0, made.error)
            let analysed = try command.run(
                "analyze", "--model", command.model.path, "--corpus", "corpus", "--out", "layers", "--json")
            XCTAssertEqual(analysed.code, 0, analysed.error)
            let report =
                try JSONSerialization.jsonObject(
                    with: Data(contentsOf: command.path("layers/layers.json"))) as? [String: Any]
            let analyses = try XCTUnwrap(report?["analyses"] as? [[String: Any]])
            for kind in ["intentProbe", "intentCosineDifference", "logitLens"] {
                let analysis = try XCTUnwrap(analyses.first { $0["name"] as? String == kind }, "\(analyses)")
                XCTAssertFalse((analysis["curves"] as? [Any] ?? []).isEmpty, "\(kind): \(analysis)")
            }
        }
    }

    func testTablesAndTrainingFiles() throws {
        try withCommand(corpus: false) { command in
            for name in ["a", "b"] { try clip(200, "mine/\(name).wav", command) }
            try write("file,sentence,sex,remark\na.wav,\"One, two\",F,x\nb.wav,Three,M,y\n", "mine/list.csv", command)
            let table = try command.run(
                "corpus", "import", "csv", "mine", "--out", "table", "--map", "file=audio", "--map", "sentence=text",
                "--map", "sex=attribute", "--value", "attribute:F=female", "--value", "attribute:M=male")
            XCTAssertEqual(table.code, 0, table.error)
            XCTAssertTrue(table.output.contains("2 utterances"), table.output)
            XCTAssertTrue(table.output.contains("not read: remark"), table.output)
            XCTAssertEqual(try command.run("corpus", "check", "table").code, 0)

            try write(
                "{\"query\": \"<audio>\", \"response\": \"Yes.\", \"audios\": [\"a.wav\"]}\n", "train.jsonl", command)
            let messages = ["corpus", "import", "messages", "train.jsonl", "--out", "chat"]
            let missing = try command.run(messages)
            XCTAssertEqual(missing.code, 2)
            XCTAssertTrue(missing.error.contains("train.jsonl:1"), missing.error)
            let found = try command.run(messages + ["--audio-folder", "mine"])
            XCTAssertEqual(found.code, 0, found.error)
            let check = try command.run("corpus", "check", "chat")
            XCTAssertEqual(check.code, 0, check.error)

            for (arguments, word) in [
                (["csv", "mine", "--map", "file"], "COLUMN=FIELD"), (["csv", "mine", "--value", "a=b"], "THEIRS=OURS"),
                (["fsc", "mine", "--map", "file=audio"], "for csv"), (["nothing", "mine"], "crema-d"),
                (["voicebench", "mine"], "metadata.jsonl"),
            ] {
                let wrong = try command.run(["corpus", "import"] + arguments + ["--out", "wrong"])
                XCTAssertEqual(wrong.code, 2, "\(arguments): \(wrong.error)")
                XCTAssertTrue(wrong.error.contains(word), "\(arguments): \(wrong.error)")
                XCTAssertFalse(command.exists("wrong"))
            }
        }
    }
}
