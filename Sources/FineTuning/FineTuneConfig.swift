import Foundation
import Yams

/// Every setting of a fine-tuning run; written out in full as config.yaml. Defaults are those of the paper's section 3.3
/// where it gives them (lambda, epochs, learning rate), else ours.
public struct FineTuneConfig: Codable, Sendable, Equatable {
    public var model = "smol"
    public var corpus = ""
    /// First and last decoder layer that train, both included.
    public var firstLayer = 0
    public var lastLayer = 14
    /// The auxiliary dual-level classification head, at the last tuned layer.
    public var adch = true
    public var lambda: Float = 0.5
    public var rank = 8
    public var alpha: Float = 32
    public var epochs = 10
    /// Optimiser steps; 0 takes them from the epochs.
    public var steps = 0
    /// Clips of one optimiser step.
    public var batchSize = 8
    /// Clips of one forward pass; a batch is accumulated from as many as it takes.
    public var microBatchSize = 8
    public var learningRate: Float = 8e-5
    public var warmupShare: Float = 0.05
    public var weightDecay: Float = 0.01
    public var gradientClip: Float = 1
    public var seed: UInt64 = 1
    /// Bits of the decoder's frozen layers: 8, 4, or 0 for what is stored.
    public var quantize = 0
    /// Compute a layer's intermediate values again for its gradient: less memory, a forward pass more.
    public var recompute = false
    public var saveEvery = 100
    public var keepCheckpoints = 2
    /// Empty: the model's own default.
    public var system = ""
    public init() {}

    public func validate(layers: Int) throws {
        func check(_ ok: Bool, _ field: String, _ expected: String, _ found: Any) throws {
            guard ok else { throw FineTuningError("\(field): expected \(expected), found \(found)") }
        }
        try check(
            firstLayer >= 0 && firstLayer <= lastLayer && lastLayer < layers, "layers",
            "a range within 0-\(layers - 1), the model's decoder layers", "\(firstLayer)-\(lastLayer)")
        try check(lambda.isFinite && lambda >= 0 && lambda <= 100, "lambda", "0 to 100", lambda)
        try check((1...1024).contains(rank), "rank", "1 to 1024", rank)
        try check(alpha.isFinite && alpha > 0 && alpha <= 10_000, "alpha", "above 0, at most 10000", alpha)
        try check((1...10_000).contains(epochs), "epochs", "1 to 10000", epochs)
        try check((0...100_000_000).contains(steps), "steps", "0 to 100000000", steps)
        try check((1...65_536).contains(batchSize), "batch-size", "1 to 65536", batchSize)
        try check((1...65_536).contains(microBatchSize), "micro-batch-size", "1 to 65536", microBatchSize)
        try check(
            learningRate.isFinite && learningRate > 0 && learningRate < 1, "learning-rate", "between 0 and 1",
            learningRate)
        try check((0...1).contains(warmupShare), "warm-up", "a share of 0 to 1", warmupShare)
        try check((0..<1).contains(weightDecay), "weight-decay", "0 to below 1", weightDecay)
        try check(
            gradientClip.isFinite && gradientClip > 0, "gradient-clip", "a norm above 0", gradientClip)
        try check([0, 4, 8].contains(quantize), "quantize", "8 or 4 bits, or 0 for what is stored", quantize)
        try check(saveEvery >= 1, "save-every", "at least 1", saveEvery)
        try check((1...1_000_000).contains(keepCheckpoints), "keep-checkpoints", "1 to 1000000", keepCheckpoints)
    }

    /// Optimiser steps over `examples` clips.
    public func totalSteps(examples: Int) -> Int {
        steps > 0 ? steps : epochs * ((examples + batchSize - 1) / batchSize)
    }

    /// A settings file of all of them, with numbers as people write them: the encoder's 2.0000000949949e-3 is 0.002.
    public func yaml() throws -> String {
        let number = /: (-?[0-9.]+e[+-][0-9]+)$/.anchorsMatchLineEndings()
        return try YAMLEncoder().encode(self).replacing(number) { found in
            ": " + (Float(found.1).map { "\($0)" } ?? String(found.1))
        }
    }
}
