import Checkpoints
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
        for kind in [TinyFamily.Kind.qwen2AudioA, .omniB, .voxtralB, .kimi] {
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

    func testQuantizedOnceIsQuantizedOnLoading() throws {
        try withTemporaryFolder { folder in
            let command = Command(folder: folder), model = command.model.path
            try TinyModel().write(to: command.model)
            try TinyCorpus.write(to: command.corpus)
            try write(TinyModel.tone(200), to: command.path("clip.wav"))
            func run(_ arguments: String...) throws -> Command.Result { try command.run(arguments) }
            let trace = ["trace", "--audio", "clip.wav", "--out"]
            for bits in ["8", "4"] {
                let small = "small-\(bits)"
                let made = try run(
                    "export", "--model", model, "--format", "quantized", "--quantize", bits, "--out", small)
                XCTAssertEqual(made.code, 0, made.error)
                XCTAssertEqual(try command.run(trace + ["a\(bits)", "--model", model, "--quantize", bits]).code, 0)
                let found = try command.run(trace + ["b\(bits)", "--model", small])
                XCTAssertEqual(found.code, 0, found.error)
                let (a, b) = (
                    try SafetensorsFile(command.path("a\(bits)")), try SafetensorsFile(command.path("b\(bits)"))
                )
                for name in a.names { XCTAssertEqual(try a.data(name), try b.data(name), "\(bits) bits: \(name)") }
                XCTAssertTrue(a.names.contains("logits"))
            }
            let stored = try SafetensorsFile(command.path("small-4/model.safetensors"))
            XCTAssertEqual(
                try stored.info("model.layers.0.mlp.down_proj.weight"),
                TensorInfo(type: .u32, shape: [32, 64 * 4 / 32]))
            XCTAssertEqual(try stored.info("model.layers.0.mlp.down_proj.scales").shape, [32, 2], "groups of 32")
            XCTAssertEqual(try stored.info("model.embed_tokens.weight").type, .f32)

            let tuned = try command.run(command.finetune("run").map { $0 == model ? "small-4" : $0 })
            XCTAssertEqual(tuned.code, 0, tuned.error)
            let heard = try run("trace", "--audio", "clip.wav", "--model", "small-4", "--adapter", "run", "--out", "t")
            XCTAssertEqual(heard.code, 0, heard.error)
            for (words, arguments) in [
                (
                    "quantised already",
                    ["trace", "--audio", "clip.wav", "--out", "x", "--model", "small-4", "--quantize", "8"]
                ),
                (
                    "quantised",
                    ["export", "--model", "small-4", "--adapter", "run", "--format", "merged", "--out", "x"]
                ),
                (
                    "merged first",
                    ["export", "--model", model, "--adapter", "run", "--format", "quantized", "--out", "x"]
                ),
                ("--quantize", ["export", "--model", model, "--format", "quantized", "--out", "x"]),
                (
                    "expected 8 or 4",
                    ["export", "--model", model, "--format", "quantized", "--quantize", "3", "--out", "x"]
                ),
            ] {
                let refused = try command.run(arguments)
                XCTAssertNotEqual(refused.code, 0)
                XCTAssertTrue(refused.error.contains(words), "\(words): \(refused.error)")
                XCTAssertFalse(command.exists("x"))
            }
        }
    }
}
