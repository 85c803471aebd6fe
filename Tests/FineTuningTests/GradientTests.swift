import AudioLanguageModels
import Checkpoints
import Corpora
import FineTuning
import Foundation
import MLX
import TestSupport
import XCTest

final class GradientTests: XCTestCase {
    /// A trainer after a few steps: at the start B is zero, and with it the gradient of A.
    private func warm(_ run: TinyRun, microBatchSize: Int = 8) throws -> Trainer {
        var config = TinyRun.config()
        config.microBatchSize = microBatchSize
        let trainer = try run.trainer(config)
        for _ in 0..<3 { _ = try trainer.train() }
        return trainer
    }

    func testGradientOfTheJointLossAgainstFiniteDifferences() throws {
        try withTemporaryFolder { folder in
            let run = try TinyRun(in: folder), trainer = try warm(run)
            let batch = Array(run.examples.prefix(6)), gradients = try trainer.gradients(batch).gradients
            for path in [
                "model.layers.1.self_attn.q_proj.lora_A.weight", "model.layers.1.mlp.down_proj.lora_A.weight",
                "model.layers.2.self_attn.v_proj.lora_B.weight", "model.layers.2.mlp.gate_proj.lora_B.weight",
                "heads.category.weight", "heads.emotion.weight", "heads.age.bias",
            ] {
                let i = try XCTUnwrap(trainer.trained.firstIndex { $0.path == path }, path)
                let parameter = trainer.trained[i].parameter
                let value = try XCTUnwrap(parameter.array), gradient = gradients[i]
                let length = try sqrt(gradient.square().sum()).item()
                XCTAssertGreaterThan(length, 1e-4, path)
                // Along the gradient, and along a random direction of its length.
                for direction in [
                    gradient / length, MLXArray.normal(value.shape, scale: 1 / Float(value.size).squareRoot(), seed: 3),
                ] {
                    let expected = try Double((gradient * direction).sum().item()), h: Float = 5e-3
                    var losses: [Double] = []
                    for sign in [h, -h] {
                        let moved = value + direction * sign
                        try eval(moved)
                        parameter.array = moved
                        losses.append(try trainer.joint(batch))
                    }
                    parameter.array = value
                    let found = (losses[0] - losses[1]) / Double(2 * h)
                    XCTAssertEqual(found, expected, accuracy: 1e-2 * max(Double(length), 0.05), path)
                }
            }
        }
    }

    func testComputingAgainGivesTheSameRun() throws {
        try withTemporaryFolder { folder in
            let run = try TinyRun(in: folder)
            func trained(_ recompute: Bool) throws -> [String: [Float]] {
                var config = TinyRun.config(steps: 4)
                config.recompute = recompute
                let trainer = try run.trainer(config)
                for _ in 0..<4 { _ = try trainer.train() }
                return try trainer.values()
            }
            XCTAssertEqual(try trained(false), try trained(true))
        }
    }

    func testMicroBatchesGiveTheSameGradients() throws {
        try withTemporaryFolder { folder in
            let run = try TinyRun(in: folder)
            var reference: [[Float]] = []
            for size in [8, 1, 2, 3] {
                // The same weights for all: only the last trainer made is attached to the model.
                var config = TinyRun.config()
                config.microBatchSize = size
                let trainer = try run.trainer(config)
                for t in trainer.trained where t.path.contains("lora_B") {
                    t.parameter.array = t.parameter.array.map { .normal($0.shape, scale: 0.1, seed: 7) }
                }
                let found = try trainer.gradients(Array(run.examples.prefix(8)))
                let values =
                    try found.gradients.map { try $0.asArray() } + [[found.sft, found.category, found.attribute]]
                if size == 8 { reference = values }
                XCTAssertGreaterThan(values.joined().map { abs($0) }.max() ?? 0, 0.05)
                for (i, (a, b)) in zip(reference, values).enumerated() {
                    let name = i < trainer.trained.count ? trainer.trained[i].path : "losses"
                    XCTAssertLessThan(zip(a, b).map { abs($0 - $1) }.max() ?? 1, 1e-4, "micro-batch \(size), \(name)")
                }
            }
        }
    }

    func testASampleGoesToTheHeadOfItsTrueCategoryOnly() throws {
        try withTemporaryFolder { folder in
            let run = try TinyRun(in: folder), trainer = try run.trainer()
            for category in Category.allCases {
                let own = run.examples.filter { $0.label?.category == category }
                let gradients = try trainer.gradients(own).gradients
                for (t, gradient) in zip(trainer.trained, gradients) where t.path.hasPrefix("heads.") {
                    let size = try abs(gradient).max().item()
                    if t.path.hasPrefix("heads.\(category.rawValue).") || t.path.hasPrefix("heads.category.") {
                        XCTAssertGreaterThan(size, 1e-5, "\(category): \(t.path)")
                    } else {
                        XCTAssertEqual(size, 0, "\(category): \(t.path)")
                    }
                }
            }
        }
    }

    func testTheLossesOfTheHeadsAreCrossEntropies() throws {
        let heads = ClassificationHeads(width: 4, seed: 1)
        let pooled = MLXArray.normal([3, 4], seed: 2)
        let labels: [(category: Corpora.Category, attribute: Int)] = [(.age, 1), (.emotion, 4), (.age, 0)]
        let (category, attribute) = heads.losses(pooled, labels)
        let read = try heads.read(pooled)
        var expected: (Double, Double) = (0, 0)
        for (b, label) in labels.enumerated() {
            let c = Category.allCases.firstIndex(of: label.category) ?? 0
            expected.0 -= Foundation.log(Double(read.category[b * 3 + c]))
            let n = label.category.attributes.count
            expected.1 -= Foundation.log(
                Double(try XCTUnwrap(read.attributes[label.category])[b * n + label.attribute]))
        }
        XCTAssertEqual(Double(try category.item()), expected.0, accuracy: 1e-4)
        XCTAssertEqual(Double(try attribute.item()), expected.1, accuracy: 1e-4)
        XCTAssertEqual(read.category.prefix(3).reduce(0, +), 1, accuracy: 1e-5)
    }

    /// The heads of a saved run, read again, say what the trained ones did; a run without heads has none.
    func testAnswersOfSavedHeads() throws {
        try withTemporaryFolder { folder in
            let tiny = try TinyRun(in: folder), trainer = try tiny.trainer(TinyRun.config(steps: 40))
            for _ in 0..<40 { _ = try trainer.train() }
            let run = folder.appendingPathComponent("saved", isDirectory: true)
            try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
            try trainer.saveAdapter(in: run)
            let answers = try XCTUnwrap(
                ClassificationHeads.answers(of: run, to: tiny.examples, model: trainer.model))
            XCTAssertEqual(answers.map(\.category), tiny.examples.compactMap { $0.label?.category })
            let parts = try trainer.gradients(tiny.examples)
            let right = answers.filter(\.isCategoryRight).count
            // Mean cross-entropy bounds the errors: each costs at least log 2.
            XCTAssertLessThanOrEqual(
                Float(answers.count - right) * Foundation.log(2), parts.category * Float(answers.count) + 1e-3)
            XCTAssertGreaterThan(right, answers.count / 3, "chance")
            let heads = run.appendingPathComponent("adapter/heads.safetensors")
            try Safetensors.write([(name: "age.weight", array: .zeros([2, 32]))], metadata: ["layer": "99"], to: heads)
            XCTAssertThrowsError(
                try ClassificationHeads.answers(of: run, to: tiny.examples, model: trainer.model))
            try FileManager.default.removeItem(at: heads)
            XCTAssertNil(try ClassificationHeads.answers(of: run, to: tiny.examples, model: trainer.model))
        }
    }

    /// Hidden states differ in size by layer and model; what the heads say and learn must not.
    func testTheHeadsDoNotDependOnTheSizeOfTheStates() throws {
        let heads = ClassificationHeads(width: 16, seed: 1), pooled = MLXArray.normal([3, 16], seed: 2)
        let labels: [(category: Corpora.Category, attribute: Int)] = [(.age, 1), (.emotion, 4), (.gender, 0)]
        let (category, attribute) = heads.losses(pooled, labels), large = heads.losses(pooled * 200, labels)
        XCTAssertEqual(try category.item(), try large.category.item(), accuracy: 1e-3)
        XCTAssertEqual(try attribute.item(), try large.attribute.item(), accuracy: 1e-3)
    }

    func testTheLossFallsAndIsTheSumOfItsParts() throws {
        try withTemporaryFolder { folder in
            let trainer = try TinyRun(in: folder).trainer(TinyRun.config(steps: 40))
            var all: [StepMetrics] = []
            for _ in 0..<40 { all.append(try trainer.train()) }
            for m in all { XCTAssertEqual(m.loss, m.sft + 0.5 * (m.category + m.attribute), accuracy: 1e-4) }
            let first = all.prefix(5).map(\.loss).reduce(0, +), last = all.suffix(5).map(\.loss).reduce(0, +)
            XCTAssertLessThan(last, 0.8 * first)
            XCTAssertEqual(all.map(\.step), Array(1...40))
            XCTAssertEqual(all.last?.learningRate ?? 1, 0, accuracy: 1e-6)
        }
    }

    func testEveryEpochSeesEveryClipOnce() throws {
        try withTemporaryFolder { folder in
            let run = try TinyRun(in: folder), trainer = try run.trainer()
            let first = (trainer.batch(1) + trainer.batch(2)).map(\.id)
            let second = (trainer.batch(3) + trainer.batch(4)).map(\.id)
            XCTAssertEqual(first.sorted(), run.examples.map(\.id).sorted())
            XCTAssertEqual(second.sorted(), first.sorted())
            XCTAssertNotEqual(first, second)
            var other = TinyRun.config()
            other.seed = 2
            XCTAssertNotEqual(try run.trainer(other).batch(1).map(\.id), trainer.batch(1).map(\.id))
        }
    }
}
