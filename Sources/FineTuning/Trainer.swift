import AudioLanguageModels
import Checkpoints
import Corpora
import Foundation
import MLX
import MLXNN

/// The parts of the joint loss of one step (paper section 3.2): L = L_SFT + lambda (L_cate + L_attr).
public struct StepMetrics: Codable, Sendable, Equatable {
    public var step: Int
    public var loss: Float
    public var sft: Float
    public var category: Float
    public var attribute: Float
    public var gradientNorm: Float
    public var learningRate: Float
}

/// PE-FT: LoRA on a decoder range, ADCH at its last layer, AdamW, warm-up and cosine.
public final class Trainer {
    public let model: any AudioLanguageModel
    public let config: FineTuneConfig
    public let adapted: [Adapters.Adapted]
    public let heads: ClassificationHeads
    public let totalSteps: Int
    package let optimiser: AdamW
    /// What trains, in a fixed order: the adapters, then the heads.
    package let trained: [(path: String, parameter: any AnyParameterInfo)]
    private let examples: [Example]
    private let schedule: WarmupCosine

    public init(model: any AudioLanguageModel, examples: [Example], config: FineTuneConfig) throws {
        try config.validate(layers: model.decoder.config.layers)
        guard !examples.isEmpty else {
            throw FineTuningError(
                "there is nothing to train on: the corpus has no labelled clip with a response in its train split")
        }
        if config.adch, let bare = examples.first(where: { $0.label == nil }) {
            throw FineTuningError(
                "\(bare.id) has no category for the classification heads: leave them out, or the clip")
        }
        self.model = model
        self.examples = examples
        self.config = config
        adapted = try Adapters.attach(
            to: model.decoder, layers: config.firstLayer...config.lastLayer, rank: config.rank, alpha: config.alpha,
            seed: config.seed)
        heads = ClassificationHeads(width: model.decoder.config.hiddenSize, seed: config.seed)
        var trained = adapted.flatMap { a in
            a.layer.namedParameters().filter(\.parameter.isTrainable).map {
                (path: a.path + "." + $0.path, parameter: $0.parameter)
            }
        }
        if config.adch {
            trained += heads.namedParameters().map { (path: "heads." + $0.path, parameter: $0.parameter) }
        }
        self.trained = trained
        let values = trained.compactMap(\.parameter.array)
        try eval(values)
        optimiser = try AdamW(values, weightDecay: config.weightDecay)
        totalSteps = config.totalSteps(examples: examples.count)
        schedule = WarmupCosine(
            peak: config.learningRate, warmup: Int((config.warmupShare * Float(totalSteps)).rounded(.up)),
            total: totalSteps)
    }

    /// Which clips, in which order.
    var dataHash: String { Checksum.sha256(Data(examples.map(\.id).joined(separator: "\n").utf8)) }

    /// Steps taken so far.
    public var step: Int { optimiser.step }

    /// The examples of a step. Every epoch has a permutation of its own, made from the seed and the epoch's number alone: a
    /// resumed run needs nothing but the step.
    package func batch(_ step: Int) -> [Example] {
        let perEpoch = (examples.count + config.batchSize - 1) / config.batchSize
        let epoch = (step - 1) / perEpoch, first = (step - 1) % perEpoch * config.batchSize
        var generator = SeededGenerator(seed: config.seed &+ UInt64(epoch) &* 0x9E37_79B9)
        var order = Array(examples.indices)
        generator.shuffle(&order)
        return order[first..<min(first + config.batchSize, order.count)].map { examples[$0] }
    }

    /// Forward and backward of a batch, accumulated over micro-batches of like length; the parts are those of the batch.
    package func gradients(_ batch: [Example]) throws -> (
        sft: Float, category: Float, attribute: Float, gradients: [MLXArray]
    ) {
        let sorted = batch.sorted { ($0.length, $0.id) < ($1.length, $1.id) }
        let tokens = Float(batch.reduce(0) { $0 + $1.answer.count }), count = Float(batch.count)
        let values = trained.compactMap(\.parameter.array)
        defer { for (t, value) in zip(trained, values) { t.parameter.array = value } }
        var parts: [Float] = [0, 0, 0], sum: [MLXArray] = []
        for start in stride(from: 0, to: sorted.count, by: config.microBatchSize) {
            let micro = MicroBatch(
                Array(sorted[start..<min(start + config.microBatchSize, sorted.count)]), model: model)
            let (found, gradients) = try valueAndGrad(loss(micro, tokens: tokens, count: count))(values)
            sum = sum.isEmpty ? gradients : zip(sum, gradients).map { $0 + $1 }
            try eval(found + sum)
            for i in 0..<3 { parts[i] += try found[i + 1].item() }
        }
        return (parts[0], parts[1], parts[2], sum)
    }

    private func loss(_ micro: MicroBatch, tokens: Float, count: Float) -> ([MLXArray]) throws -> [MLXArray] {
        { [self] values in
            for (t, value) in zip(trained, values) { t.parameter.array = value }
            var pooled = MLXArray(0)
            let x = try model.decoder(
                micro.batch.embeddings, micro.batch.positions,
                observer: { layer, output in
                    if layer == self.config.lastLayer { pooled = micro.batch.pooled(output) }
                }, wrap: config.recompute ? recomputed : nil)
            let states = x.reshaped([-1, x.dim(2)]).take(micro.rows)
            let sft = Fused.crossEntropy(logits: model.decoder.logits(states), labels: micro.labels).sum() / tokens
            guard config.adch else { return [sft, sft, MLXArray(0), MLXArray(0)] }
            let (category, attribute) = heads.losses(pooled, micro.heads)
            let (c, a) = (category / count, attribute / count)
            return [sft + (c + a) * config.lambda, sft, c, a]
        }
    }

    /// A decoder layer whose intermediate values are computed again for its gradient. Its trained arrays become arguments: what a
    /// recomputed function captures is a constant to its gradient.
    private func recomputed(
        _ layer: Int, _ x: MLXArray, _ run: @escaping (MLXArray) -> MLXArray
    ) throws -> MLXArray {
        guard layer >= config.firstLayer else { return run(x) }  // nothing below is differentiated
        let own = trained.filter { $0.path.hasPrefix("model.layers.\(layer).") }.map(\.parameter)
        return try checkpoint { inputs in
            let before = own.map(\.array)
            defer { for (parameter, value) in zip(own, before) { parameter.array = value } }
            for (parameter, value) in zip(own, inputs.dropFirst()) { parameter.array = value }
            return run(inputs[0])
        }([x] + own.compactMap(\.array))
    }

    /// One optimiser step. A loss or gradient that is not finite changes nothing and throws, naming the first bad tensor.
    public func train() throws -> StepMetrics {
        let number = step + 1
        let batch = batch(number)
        let (sft, category, attribute, gradients) = try gradients(batch)
        let total = sft + config.lambda * (category + attribute)
        let (norm, scaled) = clipped(gradients, maximum: config.gradientClip)
        try eval([norm] + scaled)
        let size = try norm.item()
        guard total.isFinite, size.isFinite else { throw try notFinite(number, batch, gradients) }
        let rate = schedule(number)
        try optimiser.update(trained.compactMap(\.parameter.array), gradients: scaled, learningRate: rate)
        return StepMetrics(
            step: number, loss: total, sft: sft, category: category, attribute: attribute, gradientNorm: size,
            learningRate: rate)
    }

    private func notFinite(_ step: Int, _ batch: [Example], _ gradients: [MLXArray]) throws -> FineTuningError {
        for example in batch where try example.prompt.embeddings.isFinite().all().item() == 0 {
            return FineTuningError(
                "step \(step): the features of clip \(example.id) are not finite; nothing was changed by this step")
        }
        let remedy = "start a new run (another --out) with a lower learning rate"
        for t in trained {
            if let array = t.parameter.array, try array.isFinite().all().item() == 0 {
                return FineTuningError(
                    "step \(step): weight \(t.path) is not finite; \(remedy)"
                )
            }
        }
        for (t, gradient) in zip(trained, gradients) where try gradient.isFinite().all().item() == 0 {
            return FineTuningError(
                "step \(step): the gradient of \(t.path) is not finite; \(remedy)"
            )
        }
        return FineTuningError(
            "step \(step): the loss is not finite; \(remedy)")
    }
}
