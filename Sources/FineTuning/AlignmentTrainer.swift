import AudioLanguageModels
import Foundation
import MLX
import MLXNN

/// Steps of CTC over batches of clips of like length: the projector learns, and the encoder with it where it has a rate.
final class AlignmentTrainer {
    /// Parameters that share a learning rate.
    struct Group {
        let named: [(path: String, parameter: any AnyParameterInfo)]
        let optimiser: AdamW
        let schedule: WarmupCosine

        init(
            _ name: String, _ own: [(path: String, parameter: any AnyParameterInfo)], peak: Float, steps: Int
        ) throws {
            named = own.map { (name + "." + $0.path, $0.parameter) }
            let arrays = named.compactMap(\.parameter.array)
            optimiser = try AdamW(arrays)
            schedule = WarmupCosine(peak: peak, warmup: max(1, steps / 15), total: steps)
            try eval(arrays)
        }
    }

    let model: SmolModel, projector: SmolProjector
    let items: [Alignment.Item]
    let options: AlignmentOptions
    let groups: [Group]
    /// Where the draws of the next step begin, and where those of the pass over the clips began that it is in.
    var generator: SeededGenerator, passStart: UInt64 = 0
    /// Batches of this pass that are still to come, the next one last.
    private(set) var queue: [[Alignment.Item]] = []
    /// Steps taken so far.
    var step: Int { groups[0].optimiser.step }
    private let column: [Int32: Int32]
    private let embeddings: MLXArray, letters: MLXArray
    /// Normal draws; and ones, scaled up, and zeros: a step takes a stretch of them from a drawn place.
    private let bank: MLXArray, kept: MLXArray

    init(model: SmolModel, projector: SmolProjector, items: [Alignment.Item], options: AlignmentOptions) throws {
        (self.model, self.projector, self.items, self.options) = (model, projector, items, options)
        embeddings = model.decoder.embedTokens.weight.take(MLXArray(projector.tokens))
        letters = model.letters(of: projector.tokens)
        column = Dictionary(uniqueKeysWithValues: projector.tokens.enumerated().map { ($1, Int32($0 + 1)) })
        var groups = [
            try Group(
                "projector", projector.namedParameters().filter { !$0.path.hasPrefix("voice_") },
                peak: options.learningRate, steps: options.steps)
        ]
        if options.trainsEncoder {
            try model.widenEncoder()
            // Whisper's positions are sines and stay so.
            let own = model.encoder.namedParameters().filter { !$0.path.hasPrefix("embed_positions") }
            groups.append(try Group("audio_tower", own, peak: options.encoderLearningRate, steps: options.steps))
        }
        self.groups = groups
        var generator = SeededGenerator(seed: options.seed)
        bank = MLXArray.normal([1 << 22], seed: options.seed &+ 7)
        let share = Double(options.dropout), longest = items.map(\.count).max() ?? 0
        kept = MLXArray(
            (0..<2 * options.batchSize * longest * projector.innerWidth).map { _ in
                generator.uniform() < share ? Float(0) : Float(1 / (1 - share))
            })
        self.generator = generator
        try eval(bank, kept)
    }

    /// One step; -> its loss, a token.
    func train() throws -> Float {
        if queue.isEmpty { startPass() }
        let batch = queue.removeLast()
        let rows = chosenClasses(batch)
        let place = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, Int32($0)) })
        let (labels, lengths) = targets(batch) { column[$0].flatMap { place[$0] } ?? 0 }
        let T = batch.map(\.count).max() ?? 0
        let counts = MLXArray(batch.map { Int32($0.count) })
        let mask = MLXArray(
            batch.flatMap { item in (0..<T).map { $0 < item.count ? Float(1) : 0 } }, [batch.count, T, 1])
        let chosen = MLXArray(rows.dropFirst().map { $0 - 1 })
        let (rowEmbeddings, rowLetters) = (embeddings.take(chosen), letters.take(chosen))
        let noise = noise(like: [batch.count, T, SmolProjector.stack * model.config.encoder.width])
        let frozen = options.trainsEncoder ? nil : packed(batch.map(\.input), T) + noise
        try eval([rowEmbeddings, rowLetters, noise] + (frozen.map { [$0] } ?? []))
        let named = groups.flatMap(\.named)
        let loss = { [self] (values: [MLXArray]) -> MLXArray in
            for (p, value) in zip(named, values) { p.parameter.array = value }
            let x = frozen ?? (packed(batch.map { SmolProjector.frames(of: model.encoder($0.mel)) }, T) + noise)
            let some = projector.classVectors(rowEmbeddings, spelled: projector.spell(letters: rowLetters))
            let scores = projector(x, counts: counts, mask: mask, classes: some) { [self] branch in
                let start = generator.index(below: kept.size - branch.size + 1)
                return branch * kept[start..<start + branch.size].reshaped(branch.shape)
            }
            return Fused.ctcLoss(logits: scores, labels: labels, frames: counts, lengths: lengths).sum()
                * (1 / Float(batch.reduce(0) { $0 + $1.labels.count }))
        }
        let parameters = named.compactMap(\.parameter.array)
        let (value, gradients) = try valueAndGrad(loss)(parameters)
        let (_, scaled) = clipped(gradients, maximum: 1)
        try eval([value] + scaled)
        for (p, array) in zip(named, parameters) { p.parameter.array = array }
        var first = 0
        for group in groups {
            let range = first..<first + group.named.count, next = group.optimiser.step + 1
            try group.optimiser.update(
                Array(parameters[range]), gradients: Array(scaled[range]), learningRate: group.schedule(next))
            first = range.upperBound
        }
        let number = try value.item()
        guard number.isFinite else { throw FineTuningError("the alignment loss is not finite at step \(step)") }
        return number
    }

    /// Shuffles the clips into the batches of another pass.
    private func startPass() {
        passStart = generator.state
        queue = batches()
    }

    /// Goes to where a checkpoint was: so many batches of the pass that began with these draws are still to come.
    func enterPass(from start: UInt64, remaining: Int) {
        generator.state = start
        startPass()
        queue = Array(queue.prefix(remaining))
    }

    /// Clips of like length together, so that little is padded.
    private func batches() -> [[Alignment.Item]] {
        var shuffled = items
        generator.shuffle(&shuffled)
        var all: [[Alignment.Item]] = []
        let size = options.batchSize
        for start in stride(from: 0, to: shuffled.count, by: size * 8) {
            let pool = shuffled[start..<min(start + size * 8, shuffled.count)].sorted { $0.count < $1.count }
            for first in stride(from: 0, to: pool.count, by: size) where first + size <= pool.count {
                all.append(Array(pool[first..<first + size]))
            }
        }
        generator.shuffle(&all)
        return all
    }

    /// Rows of the class vectors for a step, in order: the blank, the batch's own, and some drawn from all.
    private func chosenClasses(_ batch: [Alignment.Item]) -> [Int32] {
        let count = projector.tokens.count
        guard options.negatives < count else { return (0...Int32(count)).map { $0 } }
        var rows = Set(batch.flatMap { $0.labels.compactMap { column[$0] } })
        rows.insert(0)
        for _ in 0..<options.negatives { rows.insert(Int32(1 + generator.index(below: count))) }
        return rows.sorted()
    }

    /// [B, T, width] from frames [n, width] of each clip.
    private func packed(_ frames: [MLXArray], _ T: Int) -> MLXArray {
        stacked(frames.map { padded($0, widths: [(0, T - $0.dim(0)), (0, 0)]) }).asType(.float32)
    }

    /// The frames' own deviation is near 1.
    private func noise(like shape: [Int]) -> MLXArray {
        let size = shape.reduce(1, *), drawn = min(size, bank.size)
        let start = generator.index(below: bank.size - drawn + 1)
        guard drawn == size else { return .zeros(shape) }
        return bank[start..<start + size].reshaped(shape) * options.noise
    }

    private func targets(
        _ batch: [Alignment.Item], _ classOf: (Int32) -> Int32
    ) -> (labels: MLXArray, lengths: MLXArray) {
        let L = batch.map(\.labels.count).max() ?? 0
        let labels = batch.flatMap { item in
            item.labels.map(classOf) + [Int32](repeating: 0, count: L - item.labels.count)
        }
        return (MLXArray(labels, [batch.count, L]), MLXArray(batch.map { Int32($0.labels.count) }))
    }
}
