import AudioLanguageModels
import Checkpoints
import FineTuning
import Foundation
import MLX
import TestSupport
import XCTest

final class ResumeTests: XCTestCase {
    private func files(_ run: URL, step: Int) throws -> [String: Data] {
        var all: [String: Data] = [:]
        for name in [
            "adapter/adapter_model.safetensors", "adapter/adapter_config.json", "adapter/heads.safetensors",
            "adapter/manifest.json", "metrics.jsonl", "config.yaml", "checkpoints/step-\(step)/state.safetensors",
            "checkpoints/step-\(step)/state.json",
        ] { all[name] = try bytes(run.appendingPathComponent(name)) }
        return all
    }

    func testAResumedRunEndsInTheSameBytes() throws {
        try withTemporaryFolder { folder in
            let tiny = try TinyRun(in: folder)
            let straight = folder.appendingPathComponent("straight"), broken = folder.appendingPathComponent("broken")
            try Run(straight).train(tiny.trainer(), resume: false)
            for stop in [5, 9] {
                var done = 0
                XCTAssertThrowsError(
                    try Run(broken).train(
                        TinyRun(in: folder).trainer(), resume: stop > 5, progress: { step, _ in done = step.step },
                        shouldStop: { done == stop })
                ) { XCTAssertTrue($0 is CancellationError, "\($0)") }
                XCTAssertEqual(try Trainer.checkpoints(in: broken).last?.step, stop)
                XCTAssertEqual(try Run(broken).readMetrics().count, stop)
                XCTAssertFalse(FileManager.default.fileExists(atPath: broken.appendingPathComponent("adapter").path))
            }
            var steps: [Int] = []
            try Run(broken).train(
                TinyRun(in: folder).trainer(), resume: true, progress: { step, _ in steps.append(step.step) })
            XCTAssertEqual(steps, [10, 11, 12])
            let expected = try files(straight, step: 12), found = try files(broken, step: 12)
            for (name, data) in expected { XCTAssertEqual(found[name], data, name) }
            XCTAssertEqual(try Run(straight).readMetrics().map(\.step), Array(1...12))
            XCTAssertEqual(try Run(straight).readConfig(), TinyRun.config())
            // Resuming a finished run changes nothing.
            try Run(broken).train(tiny.trainer(), resume: true, progress: { _, _ in XCTFail("no step is left") })
            XCTAssertEqual(try files(broken, step: 12), expected)
        }
    }

    func testCheckpointsHoldTheWholeState() throws {
        try withTemporaryFolder { folder in
            let run = folder.appendingPathComponent("run")
            var config = TinyRun.config()
            config.saveEvery = 2
            let first = try TinyRun(in: folder).trainer(config)
            try Run(run).train(first, resume: false)
            XCTAssertEqual(try Trainer.checkpoints(in: run).map(\.step), [10, 12], "the last two are kept")
            let second = try TinyRun(in: folder).trainer(config)
            XCTAssertTrue(try second.resume(from: run))
            XCTAssertEqual(second.state, first.state)
            XCTAssertEqual(second.step, 12)
            XCTAssertEqual(try second.values(), try first.values())
            XCTAssertEqual(
                try second.optimiser.m.map { try $0.asArray() }, try first.optimiser.m.map { try $0.asArray() })
            XCTAssertEqual(
                try second.optimiser.v.map { try $0.asArray() }, try first.optimiser.v.map { try $0.asArray() })
            XCTAssertGreaterThan(try first.optimiser.v[0].max().item(), 0)
            XCTAssertFalse(try second.resume(from: folder.appendingPathComponent("none")))
        }
    }

    func testAResumeWithOtherSettingsIsRefused() throws {
        try withTemporaryFolder { folder in
            let run = folder.appendingPathComponent("run"), tiny = try TinyRun(in: folder)
            try Run(run).train(tiny.trainer(), resume: false)
            let before = try files(run, step: 12)
            func refuse(_ word: String, _ trainer: Trainer, resume: Bool = true) throws {
                XCTAssertThrowsError(try Run(run).train(trainer, resume: resume)) {
                    XCTAssertTrue($0 is FineTuningError && "\($0)".contains(word), "\(word): \($0)")
                }
            }
            try refuse("--resume", tiny.trainer(), resume: false)
            var config = TinyRun.config()
            config.learningRate = 1e-3
            try refuse("settings", tiny.trainer(config))
            config = TinyRun.config()
            config.lastLayer = 3
            try refuse("settings", tiny.trainer(config))
            try refuse("clips", TinyRun(in: folder, count: 11).trainer())
            let other = try TinyModel.load(in: folder, seed: 2)
            try refuse("base model", Trainer(model: other, examples: tiny.examples, config: TinyRun.config()))
            XCTAssertEqual(try files(run, step: 12), before, "a refused resume leaves the run as it was")
            XCTAssertEqual(try Run(run).readConfig(), TinyRun.config())
        }
    }

    func testADamagedCheckpointIsNamed() throws {
        try withTemporaryFolder { folder in
            let run = folder.appendingPathComponent("run"), tiny = try TinyRun(in: folder)
            try Run(run).train(tiny.trainer(), resume: false)
            let url = run.appendingPathComponent("checkpoints/step-12/state.safetensors")
            var data = try bytes(url)
            data[data.count - 5] ^= 0x40
            try data.write(to: url)
            XCTAssertThrowsError(try tiny.trainer().resume(from: run)) {
                XCTAssertTrue($0 is CheckpointError && "\($0)".contains("state.safetensors"), "\($0)")
            }
            try data.prefix(100).write(to: url)
            XCTAssertThrowsError(try tiny.trainer().resume(from: run)) {
                XCTAssertTrue($0 is CheckpointError && "\($0)".contains("state.safetensors"), "\($0)")
            }
            try FileManager.default.removeItem(at: url)
            XCTAssertThrowsError(try tiny.trainer().resume(from: run)) { XCTAssertTrue($0 is CheckpointError, "\($0)") }
        }
    }

    func testACheckpointOfAnotherVersionIsNamed() throws {
        try withTemporaryFolder { folder in
            let run = folder.appendingPathComponent("run"), tiny = try TinyRun(in: folder)
            try Run(run).train(tiny.trainer(), resume: false)
            let checkpoint = run.appendingPathComponent("checkpoints/step-12")
            let tensors = try bytes(checkpoint.appendingPathComponent("state.safetensors"))
            try AtomicDirectory.write(to: checkpoint, replacing: true) {
                try tensors.write(to: $0.appendingPathComponent("state.safetensors"))
                try Data("{\"step\": 12}".utf8).write(to: $0.appendingPathComponent("state.json"))
            }
            XCTAssertThrowsError(try tiny.trainer().resume(from: run)) {
                XCTAssertTrue($0 is FineTuningError && "\($0)".contains("not a checkpoint of this version"), "\($0)")
            }
        }
    }

    /// A pass holds no more clips than a batch has.
    func testTheMemoryOfAPassIsOfTheSmallerNumber() throws {
        try withTemporaryFolder { folder in
            let shape = try ModelShape(TinyModel.load(in: folder))
            var config = TinyRun.config()
            func estimate(_ batch: Int, _ micro: Int) -> Int {
                (config.batchSize, config.microBatchSize) = (batch, micro)
                return MemoryEstimate(shape, config: config, positions: 50, answer: 10, examples: 4).activations
            }
            XCTAssertEqual(estimate(2, 8), estimate(2, 2))
            XCTAssertEqual(estimate(8, 2), estimate(2, 2))
            XCTAssertEqual(estimate(8, 8), 4 * estimate(2, 2))
        }
    }

    func testInfiniteFeaturesAreNamedAndTheLastCheckpointLoads() throws {
        try withTemporaryFolder { folder in
            let run = folder.appendingPathComponent("run")
            var config = TinyRun.config()
            (config.batchSize, config.saveEvery) = (2, 1)
            let bad = try TinyRun(in: folder).trainer(config).batch(4)[0].id
            let trainer = try TinyRun(in: folder, poisoned: bad).trainer(config)
            XCTAssertThrowsError(try Run(run).train(trainer, resume: false)) {
                XCTAssertTrue(
                    $0 is FineTuningError && "\($0)".contains("step 4") && "\($0)".contains(bad), "\($0)")
            }
            XCTAssertEqual(trainer.step, 3)
            for (path, values) in try trainer.values() { XCTAssertTrue(values.allSatisfy(\.isFinite), path) }
            let again = try TinyRun(in: folder).trainer(config)
            XCTAssertTrue(try again.resume(from: run))
            XCTAssertEqual(again.step, 3)
            XCTAssertEqual(try again.values(), try trainer.values())
        }
    }

    func testAWeightThatIsNotFiniteIsNamed() throws {
        try withTemporaryFolder { folder in
            let trainer = try TinyRun(in: folder).trainer()
            _ = try trainer.train()
            let broken = trainer.trained[9]
            broken.parameter.array = broken.parameter.array.map { .full($0.shape, .nan) }
            XCTAssertThrowsError(try trainer.train()) {
                XCTAssertTrue(
                    $0 is FineTuningError && "\($0)".contains("step 2") && "\($0)".contains(broken.path), "\($0)")
            }
            XCTAssertEqual(trainer.step, 1)
        }
    }

    func testSettingsAreWrittenAsPeopleWriteThem() throws {
        var config = FineTuneConfig()
        (config.learningRate, config.corpus) = (2e-3, "a: 5e-1")
        let text = try config.yaml()
        for line in ["learningRate: 0.002", "warmupShare: 0.05", "alpha: 32.0", "seed: 1"] {
            XCTAssertTrue(text.split(separator: "\n").contains(Substring(line)), text)
        }
        try withTemporaryFolder { folder in
            try Data(text.utf8).write(to: folder.appendingPathComponent("config.yaml"))
            XCTAssertEqual(try Run(folder).readConfig(), config)
        }
    }

    func testSettingsThatMakeNoSenseAreRefused() throws {
        try withTemporaryFolder { folder in
            let tiny = try TinyRun(in: folder, count: 3)
            func refuse(_ word: String, _ change: (inout FineTuneConfig) -> Void) {
                var config = TinyRun.config()
                change(&config)
                XCTAssertThrowsError(try tiny.trainer(config), word) {
                    XCTAssertTrue($0 is FineTuningError && "\($0)".contains(word), "\(word): \($0)")
                }
            }
            refuse("learning-rate") { $0.learningRate = 1e6 }
            refuse("learning-rate") { $0.learningRate = .nan }
            refuse("lambda") { $0.lambda = -1 }
            refuse("rank") { $0.rank = 0 }
            refuse("alpha") { $0.alpha = .infinity }
            refuse("layers") { $0.lastLayer = 4 }
            refuse("layers") { ($0.firstLayer, $0.lastLayer) = (2, 1) }
            refuse("batch-size") { $0.batchSize = 0 }
            refuse("micro-batch-size") { $0.microBatchSize = -1 }
            refuse("steps") { $0.steps = Int.max }
            refuse("save-every") { $0.saveEvery = 0 }
            refuse("warm-up") { $0.warmupShare = .nan }
            refuse("weight-decay") { $0.weightDecay = .nan }
            refuse("gradient-clip") { $0.gradientClip = 0 }
            refuse("keep-checkpoints") { $0.keepCheckpoints = -1 }
            XCTAssertThrowsError(try Trainer(model: tiny.model, examples: [], config: TinyRun.config())) {
                XCTAssertTrue("\($0)".contains("nothing to train on"), "\($0)")
            }
        }
    }
}
