import Foundation
import TestSupport
import XCTest

/// What `export` writes, in the hands of the tools that it is for.
final class ExportTests: XCTestCase {
    /// $RESURFACE_PYTHON, else python3, where that has torch, transformers and peft.
    private func python() throws -> String {
        let name = ProcessInfo.processInfo.environment["RESURFACE_PYTHON"] ?? "python3"
        guard try run(name, ["-c", "import torch, transformers, peft"]).code == 0 else {
            throw XCTSkip("\(name) has no torch, transformers 5 and peft: what they make of an export is not tested")
        }
        return name
    }

    private func run(_ python: String, _ arguments: [String]) throws -> (code: Int32, text: String) {
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python] + arguments
        (process.standardOutput, process.standardError) = (pipe, pipe)
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    func testTransformersAndPEFTGiveOurLogits() throws {
        let python = try python()
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../scripts/check_export.py").standardizedFileURL.path
        for kind in [TinyFamily.Kind.qwen2AudioA, .omniB] {
            try withTemporaryFolder { folder in
                let command = Command(folder: folder), model = command.model.path
                try TinyFamily(kind).write(to: command.model)
                try TinyCorpus.write(to: command.corpus)
                try write(TinyModel.tone(200), to: command.path("clip.wav"))
                var steps = [command.finetune("run")]
                for format in ["peft", "merged"] {
                    steps.append(["export", "--model", model, "--adapter", "run", "--format", format, "--out", format])
                }
                let trace = ["trace", "--audio", "clip.wav", "--prompt", "Who is it?"]
                steps.append(trace + ["--model", model, "--adapter", "run", "--out", "peft.trace"])
                steps.append(trace + ["--model", "merged", "--out", "merged.trace"])
                for step in steps {
                    let found = try command.run(step)
                    XCTAssertEqual(found.code, 0, "\(kind) \(step): \(found.error)")
                }
                for format in ["peft", "merged"] {
                    let found = try run(
                        python,
                        [
                            script, format, model, command.path(format).path, command.path("clip.wav").path,
                            command.path("\(format).trace").path,
                        ])
                    XCTAssertEqual(found.code, 0, "\(kind) \(format): \(found.text.suffix(900))")
                }
            }
        }
    }
}
