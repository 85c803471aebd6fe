import AudioLanguageModels
import Checkpoints
import FineTuning
import Foundation
import MLX
import MLXNN
import TestSupport
import XCTest

final class AdapterTests: XCTestCase {
    func testExactlyTheListedModulesAreAdapted() throws {
        try withTemporaryFolder { folder in
            let model = try TinyModel.load(in: folder), before = model.decoder.namedModules()
            let adapted = try Adapters.attach(to: model.decoder, layers: 1...2, rank: 4, alpha: 8, seed: 1)
            let expected = [1, 2].flatMap { l in Adapters.modules.map { "model.layers.\(l).\($0)" } }
            XCTAssertEqual(adapted.map(\.path), expected)
            XCTAssertEqual(Adapters.modules.count, 7)
            let found = model.decoder.namedModules().filter { $0.module is LoRALinear }.map(\.path)
            XCTAssertEqual(Set(found), Set(expected))
            XCTAssertEqual(found.count, expected.count)
            let trainable = model.decoder.trainableParameters().keys
            XCTAssertEqual(
                Set(trainable), Set(expected.flatMap { ["\($0).lora_A.weight", "\($0).lora_B.weight"] }))
            XCTAssertTrue(model.encoder.trainableParameters().isEmpty)
            // A layer is never adapted twice.
            _ = try Adapters.attach(to: model.decoder, layers: 0...0, rank: 2, alpha: 4, seed: 1)
            XCTAssertEqual(model.decoder.namedModules().count { $0.module is LoRALinear }, 7)
            Adapters.detach(from: model.decoder)
            let after = model.decoder.namedModules()
            XCTAssertEqual(after.map(\.path), before.map(\.path))
            for (a, b) in zip(after, before) { XCTAssertTrue(a.module === b.module, "\(a.path) is another layer") }
            for range in [3...4, -1...1] {
                XCTAssertThrowsError(
                    try Adapters.attach(to: model.decoder, layers: range, rank: 4, alpha: 8, seed: 1)
                ) { XCTAssertTrue($0 is FineTuningError && "\($0)".contains("has 4"), "\($0)") }
            }
        }
    }

    func testAFreshAdapterChangesNothing() throws {
        try withTemporaryFolder { folder in
            let run = try TinyRun(in: folder, count: 3), prompts = run.examples.map(\.prompt)
            func logits() throws -> [Float] {
                let batch = PromptBatch(prompts, padding: .right)
                return try run.model.decoder.logits(run.model.decoder(batch.embeddings, batch.positions)).asArray()
            }
            let before = try logits()
            _ = try Adapters.attach(to: run.model.decoder, layers: 0...3, rank: 4, alpha: 8, seed: 1)
            let after = try logits()
            XCTAssertLessThan(zip(before, after).map { abs($0 - $1) }.max() ?? 1, 1e-5)
        }
    }

    func testFrozenTensorsStayAndTrainedOnesChange() throws {
        try withTemporaryFolder { folder in
            let run = try TinyRun(in: folder), trainer = try run.trainer()
            func frozen() throws -> [String: Data] {
                var all: [String: Data] = [:]
                for (name, module) in [("decoder", run.model.decoder), ("encoder", run.model.encoder)]
                    as [(String, Module)]
                {
                    for (path, parameter) in module.namedParameters() where !path.contains("lora_") {
                        all["\(name).\(path)"] = try parameter.array?.rawData()
                    }
                }
                for (path, parameter) in try XCTUnwrap(run.model.projector).namedParameters() {
                    all["projector.\(path)"] = try parameter.array?.rawData()
                }
                return all
            }
            let before = try frozen(), start = try trainer.values()
            for _ in 0..<5 { _ = try trainer.train() }
            let after = try frozen(), end = try trainer.values()
            XCTAssertEqual(before.count, 2 + 4 * 9 + 7 + 2 * 15 + run.model.projector!.namedParameters().count)
            XCTAssertEqual(before.keys, after.keys)
            for (path, data) in before { XCTAssertEqual(after[path], data, "\(path) changed") }
            XCTAssertEqual(start.count, 2 * 7 * 2 + 4 * 2)
            for (path, values) in start { XCTAssertNotEqual(end[path], values, "\(path) did not change") }
            XCTAssertEqual(
                Set(start.keys.filter { $0.hasPrefix("model.") }.map { $0.split(separator: ".")[2] }), ["1", "2"])
        }
    }

    func testAdaptersTrainOverAQuantisedModel() throws {
        try withTemporaryFolder { folder in
            let run = try TinyRun(in: folder), decoder = run.model.decoder
            func logits(_ decoder: Decoder) throws -> [Float] {
                let batch = PromptBatch(run.examples.map(\.prompt), padding: .right)
                return try decoder.logits(decoder(batch.embeddings, batch.positions)).asArray()
            }
            let dense = try logits(decoder)
            try quantize(module: decoder, groupSize: 32, bits: 8)
            let base = decoder.namedModules(), quantised = try logits(decoder)
            XCTAssertEqual(base.count { $0.module is QuantizedLinear }, 4 * 7)
            let spread = (dense.max() ?? 0) - (dense.min() ?? 0)
            XCTAssertLessThan(zip(dense, quantised).map { abs($0 - $1) }.max() ?? 1, 0.05 * spread)
            XCTAssertNotEqual(dense, quantised)

            let stored = try decoder.parameters().mapValues { try $0.rawData() }
            let trainer = try run.trainer(), start = try trainer.joint(run.examples)
            XCTAssertEqual(trainer.adapted.count, 2 * 7)
            for _ in 0..<12 { _ = try trainer.train() }
            XCTAssertLessThan(try trainer.joint(run.examples), 0.9 * start)
            let tuned = try logits(decoder)
            XCTAssertNotEqual(tuned, quantised)
            try trainer.saveAdapter(in: folder)

            Adapters.detach(from: decoder)
            XCTAssertEqual(try decoder.parameters().mapValues { try $0.rawData() }, stored)
            for (a, b) in zip(decoder.namedModules(), base) { XCTAssertTrue(a.module === b.module, a.path) }
            XCTAssertEqual(try logits(decoder), quantised)
            try Adapters.load(folder, into: run.model)
            XCTAssertEqual(try logits(decoder), tuned)
        }
    }

    func testWithoutHeadsOnlyAdaptersTrain() throws {
        try withTemporaryFolder { folder in
            var config = TinyRun.config()
            config.adch = false
            let trainer = try TinyRun(in: folder).trainer(config)
            let heads = try trainer.heads.parameters().mapValues { try $0.asArray() }
            let metrics = try trainer.train()
            XCTAssertEqual(trainer.trained.count, 28)
            XCTAssertEqual(metrics.category, 0)
            XCTAssertEqual(metrics.loss, metrics.sft)
            XCTAssertEqual(try trainer.heads.parameters().mapValues { try $0.asArray() }, heads)
            try trainer.saveAdapter(in: folder)
            XCTAssertFalse(
                FileManager.default.fileExists(atPath: folder.appendingPathComponent("adapter/heads.safetensors").path))
        }
    }

    func testASavedAdapterLoadsBack() throws {
        try withTemporaryFolder { folder in
            let run = try TinyRun(in: folder), trainer = try run.trainer()
            func logits(_ model: SmolModel) throws -> [Float] {
                let batch = PromptBatch(run.examples.map(\.prompt), padding: .right)
                return try model.decoder.logits(model.decoder(batch.embeddings, batch.positions)).asArray()
            }
            let fresh = try TinyModel.load(in: folder)
            let plain = try logits(fresh)
            for _ in 0..<5 { _ = try trainer.train() }
            let tuned = try logits(run.model)
            XCTAssertGreaterThan(zip(plain, tuned).map { abs($0 - $1) }.max() ?? 0, 0.01, "training did something")
            try trainer.saveAdapter(in: folder)
            try AtomicDirectory.verify(folder.appendingPathComponent("adapter"))
            XCTAssertNil(try Adapters.load(folder, into: fresh))
            XCTAssertEqual(try logits(fresh), tuned)
            XCTAssertTrue(fresh.decoder.trainableParameters().isEmpty)
            try Adapters.load(folder.appendingPathComponent("adapter"), into: fresh)
            XCTAssertEqual(try logits(fresh), tuned, "by the adapter's own folder, over an adapter that is in place")
            var elsewhere = try PEFTAdapter(readingFrom: folder.appendingPathComponent("adapter"))
            XCTAssertEqual(elsewhere.baseHash, fresh.weightsHash)
            let other = folder.appendingPathComponent("other")
            try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
            for (hash, isDoubted) in [("0123456789abcdef", true), (nil, false)] {
                elsewhere.baseHash = hash
                try elsewhere.write(to: other)
                let doubt = try Adapters.load(other, into: fresh)
                XCTAssertEqual(doubt?.contains("trained on other weights (0123456789ab)"), isDoubted ? true : nil)
                XCTAssertEqual(try logits(fresh), tuned)
            }
            // Merged weights say the same.
            for (path, module) in fresh.decoder.namedModules() {
                guard let lora = module as? LoRALinear else { continue }
                let x = MLXArray.normal([3, lora.weight.dim(1)], seed: 5)
                let difference = try abs(lora(x) - matmul(x, lora.mergedWeight().T)).max().item()
                XCTAssertLessThan(difference, 1e-4, path)
            }
        }
    }

    /// An export that is stopped at any tensor is absent, and so are its parts.
    func testAStoppedExportIsAbsent() throws {
        try withTemporaryFolder { folder in
            let run = folder.appendingPathComponent("run"), target = folder.appendingPathComponent("out")
            let tiny = try TinyRun(in: folder)
            try Run(run).train(tiny.trainer(TinyRun.config(steps: 1)), resume: false)
            func stopped(_ number: Int) -> (Int, Int) throws -> Void {
                { done, _ in if done == number { throw CancellationError() } }
            }
            for number in [1, 20] {
                XCTAssertThrowsError(
                    try AdapterExport.write(
                        run, of: tiny.model, format: .merged, to: target, progress: stopped(number))
                ) { XCTAssertTrue($0 is CancellationError, "\($0)") }
                XCTAssertThrowsError(
                    try TinyModel.load(in: folder).writeQuantized(bits: 8, to: target, progress: stopped(number))
                ) { XCTAssertTrue($0 is CancellationError, "\($0)") }
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            XCTAssertEqual(names.filter { $0.hasPrefix("out") || $0.hasPrefix(".out") }, [])
        }
    }

    /// Trained by peft on the reference models (scripts/golden/families.py): some modules of some layers.
    func testAdaptersMadeByPEFT() throws {
        let golden = try XCTUnwrap(Bundle.module.url(forResource: "Golden", withExtension: nil))
        try withTemporaryFolder { folder in
            for (name, kind) in [
                ("qwen2-audio", TinyFamily.Kind.qwen2AudioA), ("qwen2.5-omni", .omniA), ("voxtral", .voxtralA),
            ] {
                let model = try TinyFamily.load(kind, in: folder), own = golden.appendingPathComponent("peft-\(name)")
                let prompt = try model.prompt([
                    Message(.user, [.audio(model.features(of: TinyFamily.waveform(2))), .text("What's that?")])
                ])
                func logits() throws -> MLXArray {
                    let batch = PromptBatch([prompt], padding: .right)
                    return model.decoder.logits(batch.last(model.decoder(batch.embeddings, batch.positions))).squeezed(
                        axis: 0)
                }
                let expected = try SafetensorsFile(own.appendingPathComponent("golden.safetensors")).array("logits")
                let scale = try abs(expected).max().item()
                XCTAssertGreaterThan(try abs(logits() - expected).max().item() / scale, 0.05, "\(name) without it")
                try Adapters.load(own, into: model)
                XCTAssertLessThan(try abs(logits() - expected).max().item() / scale, 1e-3, name)
                XCTAssertEqual(model.decoder.namedModules().count { $0.module is LoRALinear }, 6, name)
            }
        }
    }

    func testAdaptersThatDoNotFitAreRefused() throws {
        try withTemporaryFolder { folder in
            let run = try TinyRun(in: folder, count: 3), trainer = try run.trainer()
            try trainer.saveAdapter(in: folder)
            let adapter = folder.appendingPathComponent("adapter")
            let right = try PEFTAdapter(readingFrom: adapter)
            var tower = right
            tower.modules["model.audio_tower.layers.1.self_attn.q_proj"] =
                right.modules["model.layers.2.self_attn.q_proj"]
            var shape = right
            shape.modules["model.layers.2.mlp.up_proj"]?.a = .zeros([4, 31])
            var deep = right
            deep.modules["model.layers.9.mlp.up_proj"] = right.modules["model.layers.2.mlp.up_proj"]
            for (wrong, word) in [(tower, "audio_tower"), (shape, "up_proj"), (deep, "layers.9")] {
                try wrong.write(to: adapter)
                XCTAssertThrowsError(try Adapters.load(folder, into: run.model)) {
                    XCTAssertTrue(
                        ($0 is FineTuningError || $0 is CheckpointError) && "\($0)".contains(word), "\(word): \($0)")
                }
            }
            XCTAssertThrowsError(try Adapters.load(folder.appendingPathComponent("none"), into: run.model)) {
                XCTAssertTrue($0 is CheckpointError, "\($0)")
            }
        }
    }
}
