import Checkpoints
import Foundation
import MLX
import Speech
import TestSupport
import XCTest

/// The verbs on tiny checkpoints of the real families, in the layout in which people download them.
final class FamilyTests: XCTestCase {
    private func withFamily(_ kind: TinyFamily.Kind, _ body: (Command, String) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let command = Command(folder: folder)
            try TinyFamily(kind).write(to: command.model)
            try TinyCorpus.write(to: command.corpus)
            try body(command, command.model.path)
        }
    }

    func testTheWholeJobOnEveryFamily() throws {
        for kind in [TinyFamily.Kind.qwen2AudioA, .omniB, .kimi, .voxtralB] {
            try withFamily(kind) { command, model in
                func run(_ arguments: [String]) throws -> Command.Result {
                    let found = try command.run(arguments)
                    XCTAssertEqual(found.code, 0, "\(kind) \(arguments[0]): \(found.error)")
                    return found
                }
                let source = ["--model", model, "--corpus", command.corpus.path]
                _ = try run(["analyze"] + source + ["--out", "layers"])
                let layers = try JSONFile.object(at: command.path("layers/layers.json"))
                XCTAssertTrue(layers.keys.contains("choice"), "\(layers.keys)")
                _ = try run(command.finetune("run"))
                let evaluated = try run(["evaluate"] + source + ["--adapter", "run", "--tokens", "4", "--json"])
                XCTAssertNotNil(evaluated.json?["metrics"], evaluated.output)

                try write(TinyModel.tone(200), to: command.path("clip.wav"))
                let trace = ["trace", "--audio", "clip.wav", "--prompt", "Who is it?", "--tokens", "3"]
                _ = try run(trace + ["--model", model, "--adapter", "run", "--out", "tuned"])
                _ = try run(["export", "--model", model, "--adapter", "run", "--format", "merged", "--out", "merged"])
                _ = try run(trace + ["--model", "merged", "--out", "whole"])
                _ = try run(["export", "--model", model, "--adapter", "run", "--format", "peft", "--out", "peft"])
                _ = try run(trace + ["--model", model, "--adapter", "peft", "--out", "again"])
                let tuned = try SafetensorsFile(command.path("tuned")).array("logits")
                let again = try SafetensorsFile(command.path("again")).array("logits")
                XCTAssertEqual(try abs(tuned - again).max().item(), 0, "\(kind): the same factors")
                let whole = try SafetensorsFile(command.path("whole")).array("logits")
                let scale = try abs(tuned).max().item()
                // Variants b are stored in bf16, which rounds the merged weights.
                XCTAssertLessThan(
                    try abs(tuned - whole).max().item() / scale, kind == .qwen2AudioA ? 1e-4 : 0.1, "\(kind)")
                let settings = try JSONFile.object(at: command.path("peft/adapter_config.json"))
                let pattern = try NSRegularExpression(pattern: "^(?:\(settings.string("target_modules")))$")
                func fits(_ path: String) -> Bool {
                    pattern.firstMatch(in: path, range: NSRange(path.startIndex..., in: path)) != nil
                }
                let decoder = kind == .kimi ? "model." : "model.language_model."
                XCTAssertTrue(fits("\(decoder)layers.1.self_attn.q_proj"))
                XCTAssertFalse(fits("\(decoder)layers.0.self_attn.q_proj"), "not tuned")
                XCTAssertFalse(fits("model.audio_tower.layers.1.self_attn.q_proj"), "another tower")
                let over = try command.run("export", "--model", model, "--adapter", "run", "--out", "peft")
                XCTAssertEqual(over.code, 2)
                XCTAssertTrue(over.error.contains("exists already"), over.error)
            }
        }
    }

    /// The reference arrays of GoldenFamilyTests, through the command.
    func testTraceGivesTheReference() throws {
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../AudioLanguageModelsTests/Golden").standardizedFileURL
        for (kind, name) in [(TinyFamily.Kind.qwen2AudioA, "qwen2-audio"), (.omniA, "qwen2.5-omni")] {
            try withFamily(kind) { command, model in
                try floatWAV(TinyFamily.waveform(2)).write(to: command.path("clip.wav"))
                let found = try command.run(
                    "trace", "--model", model, "--audio", "clip.wav", "--prompt", "What's that?", "--tokens", "16",
                    "--out",
                    "trace")
                XCTAssertEqual(found.code, 0, found.error)
                let own = try SafetensorsFile(command.path("trace"))
                let reference = try SafetensorsFile(golden.appendingPathComponent("\(name).safetensors"))
                for (tensor, tolerance) in [
                    ("audio_features", 1e-4), ("layer.0", 1e-3), ("layer.1", 1e-3), ("layer.2", 1e-3), ("pooled", 1e-3),
                    ("logits", 1e-3),
                ] as [(String, Float)] {
                    let (a, b) = (try own.array(tensor), try reference.array("a.2.0.\(tensor)"))
                    XCTAssertEqual(a.shape, b.shape, "\(kind) \(tensor)")
                    let scale = max(1, try abs(b).max().item())
                    XCTAssertLessThan(try abs(a - b).max().item() / scale, tolerance, "\(kind) \(tensor)")
                }
                XCTAssertEqual(
                    try own.array("input_ids").asInt32Array(), try reference.array("a.2.0.input_ids").asInt32Array())
                let tokens = try own.array("generated").asInt32Array()
                XCTAssertEqual(
                    tokens, Array(try reference.array("a.2.0.generated").asInt32Array().prefix(tokens.count)))
                XCTAssertFalse(tokens.isEmpty)
            }
        }
    }

    /// 16-bit samples would be another sound than the reference's.
    private func floatWAV(_ waveform: Waveform) -> Data {
        func little<T: FixedWidthInteger>(_ value: T) -> Data { withUnsafeBytes(of: value.littleEndian) { Data($0) } }
        let size = UInt32(4 * waveform.samples.count), rate = UInt32(waveform.sampleRate)
        var data = Data("RIFF".utf8) + little(36 + size) + Data("WAVEfmt ".utf8) + little(UInt32(16))
        data += little(UInt16(3)) + little(UInt16(1)) + little(rate) + little(4 * rate) + little(UInt16(4))
        data += little(UInt16(32)) + Data("data".utf8) + little(size)
        return data + waveform.samples.withUnsafeBytes { Data($0) }
    }

    func testSeveralClipsAndTheSystemTurn() throws {
        try withFamily(.qwen2AudioA) { command, model in
            try write(TinyModel.tone(200), to: command.path("one.wav"))
            try write(TinyModel.tone(300, seconds: 0.9), to: command.path("two.wav"))
            let found = try command.run(
                "trace", "--model", model, "--audio", "one.wav", "--audio", "two.wav", "--prompt", "Which is higher?",
                "--prompt-first", "--system", "Listen.", "--out", "trace", "--json")
            XCTAssertEqual(found.code, 0, found.error)
            let file = try SafetensorsFile(command.path("trace"))
            let heard = try file.info("audio_features").shape[0]
            XCTAssertEqual(heard, 12 + 22, "0.5 and 0.9 s")
            let positions = try XCTUnwrap(found.json?["audioPositions"] as? [Int])
            XCTAssertEqual(positions.count, heard)
            XCTAssertGreaterThan(positions[12], positions[11] + 1, "text stands between the clips")
            let ids = try file.array("input_ids").asInt32Array()
            XCTAssertTrue(positions.allSatisfy { ids[$0] == TinyFamily.audioToken })
        }
    }

    func testWhatCannotFitIsRefusedBeforeLoading() throws {
        try withFamily(.omniA) { command, model in
            let found = try command.run(
                "doctor", "--finetune", "--model", model, "--layers", "1-2", "--positions", "80", "--answer", "20",
                "--json")
            XCTAssertEqual(found.code, 0, found.error)
            XCTAssertGreaterThan(found.json?["decoder"] as? Int ?? 0, 200_000, "layers, norm and head")
            let more = try command.run(
                "doctor", "--finetune", "--model", model, "--positions", "80", "--answer", "20", "--micro-batch-size",
                "16",
                "--json")
            let few = found.json?["activations"] as? Int ?? 0
            XCTAssertGreaterThan(more.json?["activations"] as? Int ?? 0, 2 * few, "all layers, twice the clips")
            // A configuration of more than any machine: refused by its numbers, before a tensor is asked for.
            var tiny = TinyFamily(.qwen2AudioA)
            guard case .object(var fields) = tiny.config, case .object(var text) = fields["text_config"] else {
                return XCTFail("no text_config")
            }
            text["num_hidden_layers"] = 1000
            text["intermediate_size"] = 1_000_000
            fields["text_config"] = .object(text)
            tiny.config = .object(fields)
            try tiny.write(to: command.path("huge"))
            for arguments in [
                ["doctor", "--finetune", "--model", "huge"],
                ["finetune", "--model", "huge", "--corpus", command.corpus.path, "--layers", "0-999", "--out", "run"],
            ] {
                let refused = try command.run(arguments)
                XCTAssertEqual(refused.code, 2, refused.error)
                XCTAssertTrue(refused.error.contains("GB, the machine has"), refused.error)
                XCTAssertFalse(command.exists("run"))
            }
            // Sixty-fours do not divide this width.
            let odd = try command.run(
                "trace", "--model", model, "--audio", "none.wav", "--out", "trace", "--quantize", "4")
            XCTAssertEqual(odd.code, 2)
            XCTAssertTrue(odd.error.contains("groups of 64"), odd.error)
            XCTAssertEqual(try command.run("doctor", "--finetune", "--model", model, "--layers", "0-3").code, 2)
        }
    }

    func testWhatTheCheckpointLacksIsNamed() throws {
        func refused(
            _ words: String..., kind: TinyFamily.Kind = .omniA, change: (inout TinyFamily) -> Void,
            after: (URL) throws -> Void = { _ in }
        ) throws {
            try withTemporaryFolder { folder in
                let command = Command(folder: folder)
                var tiny = TinyFamily(kind)
                change(&tiny)
                try tiny.write(to: command.model)
                try after(command.model)
                try write(TinyModel.tone(200), to: command.path("clip.wav"))
                let found = try command.run(
                    "trace", "--model", command.model.path, "--audio", "clip.wav", "--out", "trace")
                XCTAssertEqual(found.code, 2, found.error)
                for word in words { XCTAssertTrue(found.error.contains(word), "\(word): \(found.error)") }
                XCTAssertFalse(command.exists("trace"))
            }
        }
        let tensor = "thinker.model.layers.1.mlp.up_proj.weight"
        try refused(tensor, "missing") { $0.tensors[tensor] = nil }
        try refused(tensor, "[95, 48]", "[96, 48]") { $0.tensors[tensor] = .zeros([95, 48]) }
        try refused(tensor, "not finite") { $0.tensors[tensor] = .full([96, 48], .nan) }
        try refused(tensor, "not finite") { $0.tensors[tensor] = MLXArray.full([96, 48], .infinity).asType(.bfloat16) }
        try refused("thinker.model.layers.1.mlp.extra.weight") {
            $0.tensors["thinker.model.layers.1.mlp.extra.weight"] = .zeros([2])
        }
        try refused("<|AUDIO|>", "tokenizer.json") { $0.specials[3] = "<|other|>" }
        try refused("audio_token_index", "289") {
            // The placeholder stands one place further back than the configuration says.
            $0.specials = [
                "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|audio_bos|>", "<|AUDIO|>", "<|audio_eos|>",
            ]
        }
        try refused("[AUDIO]", "tekken.json", kind: .voxtralA, change: { $0.specials[7] = "[OTHER]" })
        try refused("audio_token_id", "[AUDIO]", kind: .voxtralA) { $0.specials.swapAt(7, 8) }
        try refused("model-00002-of-00002.safetensors", "missing", kind: .omniB, change: { _ in }) {
            try FileManager.default.removeItem(at: $0.appendingPathComponent("model-00002-of-00002.safetensors"))
        }
    }
}
