import AudioLanguageModels
import Corpora
import Foundation
import MLX
import MLXNN
import Speech
import Tokenization

/// Training of the embedded model's projector: content by CTC against the LLM's token embeddings, voice by principal
/// directions. The LLM and the encoder stay as they are and are not in the loop.
public struct AlignmentOptions: Sendable {
    /// 0 leaves content as `initial` has it and sets the voice alone.
    public var steps = 2_200
    public var batchSize = 48
    public var learningRate: Float = 1.5e-3
    public var seed: UInt64 = 1
    /// Standard deviation of the noise on the encoder's frames, as a share of their own.
    public var noise: Float = 0.05
    /// Training clips are heard up to this share faster or slower, pitch and formants with it, as drawn by the seed: voices that
    /// no engine has.
    public var speedChange = 0.1
    /// Share of what the projector's blocks add that is left out in training.
    public var dropout: Float = 0.1
    /// Classes that a step is told apart against, beside those of its clips: drawn anew each step. All of them would take
    /// most of its time.
    public var negatives = 3_000
    /// Principal directions of the voice, and their common length as a share of a token embedding's. Few: each has an
    /// equal part of the length, and age and sex are in the first ones.
    public var voiceDimensions = 6
    public var voiceLevel: Float = 0.7
    /// Main directions of the token embeddings that are left to the words.
    public var wordDirections = 10
    /// A projector to start from; its tokens may be others.
    public var initial: URL?
    public init() {}
}

/// What the training says at intervals and at its end.
public struct AlignmentProgress: Sendable {
    public enum Stage: String, Sendable { case encoding, training }
    public var stage: Stage
    public var done: Int, total: Int
    public var loss: Float?
}

public final class Alignment {
    /// A clip whose frames have been encoded.
    public struct Item {
        public let text: String
        public let speaker: String
        /// neutral, child or emotional.
        public let kind: String
        public let labels: [Int32]
        /// [n, 4 x encoder width], half precision.
        public let frames: MLXArray
        public let count: Int
        public let voice: [Float]
    }

    public let model: SmolModel
    public let options: AlignmentOptions
    public private(set) var train: [Item] = [], validation: [Item] = []
    public private(set) var projector: SmolProjector?

    /// - Parameter model: loaded without a projector.
    public init(model: SmolModel, options: AlignmentOptions) {
        self.model = model
        self.options = options
    }

    /// As the words are heard: small letters, no punctuation but apostrophes.
    public static func spoken(_ text: String) -> String {
        NearTexts.words(text).joined(separator: " ")
    }
    func tokens(of text: String) -> [Int32] { model.tokenizer.encode(" " + Self.spoken(text)) }

    private static func kind(_ utterance: Utterance) -> String {
        if utterance.voice?["age"] == "child" { return "child" }
        return (utterance.voice?["emotion"] ?? "neutral") == "neutral" ? "neutral" : "emotional"
    }

    /// Encodes every clip once; the encoder is frozen.
    public func encode(
        _ utterances: [Utterance], in folder: URL, progress: (AlignmentProgress) -> Void = { _ in },
        shouldStop: () -> Bool = { false }
    ) throws {
        for (i, utterance) in utterances.enumerated() {
            if shouldStop() { throw CancellationError() }
            var waveform = try AudioFile.read(folder.appendingPathComponent(utterance.audio))
            if utterance.split == .train, options.speedChange > 0 {
                var generator = SeededGenerator(seed: options.seed, name: "speed-" + utterance.id)
                let factor = generator.uniform(1 - options.speedChange, 1 + options.speedChange)
                // Played at another rate; whole hundreds keep the resampler's filters short.
                waveform.sampleRate = Int((Double(waveform.sampleRate) * factor / 100).rounded()) * 100
            }
            let stages = try model.encode(model.mel(of: waveform))
            guard let last = stages.last else { continue }
            let frames = SmolProjector.stacked(last.squeezed(axis: 0)).asType(.float16)
            try eval(frames)
            let item = Item(
                text: utterance.text, speaker: utterance.speaker, kind: Self.kind(utterance),
                labels: tokens(of: utterance.text), frames: frames, count: frames.dim(0),
                voice: SmolProjector.voiceInput(try EncoderStates.summary(stages)))
            if utterance.split == .train { train.append(item) } else { validation.append(item) }
            progress(AlignmentProgress(stage: .encoding, done: i + 1, total: utterances.count))
        }
    }

    /// Trains content, then sets the voice adaptor. `shouldStop` ends the training early.
    public func run(progress: (AlignmentProgress) -> Void = { _ in }, shouldStop: () -> Bool = { false }) throws {
        // A clip with fewer frames than labels cannot be aligned.
        let usable = train.filter { $0.count > $0.labels.count + 2 && !$0.labels.isEmpty }
        guard usable.count >= options.batchSize else {
            throw FineTuningError(
                "the alignment corpus has \(usable.count) usable training clips, expected at least \(options.batchSize)"
            )
        }
        let config = model.config
        let initial = try options.initial.map {
            try SmolProjector.load(
                $0, encoderWidth: config.encoder.width, width: config.decoder.hiddenSize,
                vocabulary: config.decoder.vocabularySize)
        }
        let heard = Set(usable.flatMap(\.labels)).sorted()
        let used = options.steps == 0 ? initial?.tokens ?? heard : heard
        let column = Dictionary(uniqueKeysWithValues: used.enumerated().map { ($1, Int32($0 + 1)) })
        let projector = SmolProjector(
            encoderWidth: config.encoder.width, width: config.decoder.hiddenSize, tokens: used, seed: options.seed)
        if let initial { try projector.update(parameters: initial.parameters()) }
        try setVoice(of: projector, from: usable)
        try model.use(projector)
        self.projector = projector
        guard options.steps > 0, let classes = model.classes else { return }
        let named = projector.namedParameters().filter { !$0.path.hasPrefix("voice_") }
        let optimiser = try AdamW(named.compactMap(\.parameter.array))
        let schedule = WarmupCosine(
            peak: options.learningRate, warmup: max(1, options.steps / 15), total: options.steps)
        var generator = SeededGenerator(seed: options.seed)
        let bank = MLXArray.normal([1 << 22], seed: options.seed &+ 7)
        // Ones, scaled up, and zeros: a branch takes a stretch of them from a drawn place.
        let share = Double(options.dropout), longest = usable.map(\.count).max() ?? 0
        let kept = MLXArray(
            (0..<2 * options.batchSize * longest * projector.innerWidth).map { _ in
                generator.uniform() < share ? Float(0) : Float(1 / (1 - share))
            })
        try eval(bank, kept)
        try eval(named.compactMap(\.parameter.array))
        var queue: [[Item]] = []
        for step in 1...options.steps {
            if shouldStop() { throw CancellationError() }
            if queue.isEmpty { queue = batches(of: usable, &generator) }
            let batch = queue.removeLast()
            let rows = chosenClasses(batch, column, count: used.count, &generator)
            let place = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1, Int32($0)) })
            let (x, mask, frames, labels, lengths) = pack(
                batch, { column[$0].flatMap { place[$0] } ?? 0 }, bank, &generator)
            let some = classes.take(MLXArray(rows))
            try eval(x, some)
            let loss = { (values: [MLXArray]) -> MLXArray in
                for (p, value) in zip(named, values) { p.parameter.array = value }
                let scores = projector(x, counts: frames, mask: mask, classes: some) { branch in
                    let start = generator.index(below: kept.size - branch.size + 1)
                    return branch * kept[start..<start + branch.size].reshaped(branch.shape)
                }
                return Fused.ctcLoss(logits: scores, labels: labels, frames: frames, lengths: lengths).sum()
                    * (1 / Float(batch.reduce(0) { $0 + $1.labels.count }))
            }
            let parameters = named.compactMap(\.parameter.array)
            let (value, gradients) = try valueAndGrad(loss)(parameters)
            let (_, scaled) = clipped(gradients, maximum: 1)
            try eval([value] + scaled)
            for (p, array) in zip(named, parameters) { p.parameter.array = array }
            try optimiser.update(parameters, gradients: scaled, learningRate: schedule(step))
            let number = try value.item()
            guard number.isFinite else { throw FineTuningError("the alignment loss is not finite at step \(step)") }
            progress(AlignmentProgress(stage: .training, done: step, total: options.steps, loss: number))
        }
        try model.use(projector)
    }

    /// Clips of like length together, so that little is padded.
    private func batches(of items: [Item], _ generator: inout SeededGenerator) -> [[Item]] {
        var shuffled = items
        generator.shuffle(&shuffled)
        var all: [[Item]] = []
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
    private func chosenClasses(
        _ batch: [Item], _ column: [Int32: Int32], count: Int, _ generator: inout SeededGenerator
    ) -> [Int32] {
        guard options.negatives < count else { return (0...Int32(count)).map { $0 } }
        var rows = Set(batch.flatMap { $0.labels.compactMap { column[$0] } })
        rows.insert(0)
        for _ in 0..<options.negatives { rows.insert(Int32(1 + generator.index(below: count))) }
        return rows.sorted()
    }

    private func pack(
        _ batch: [Item], _ classOf: (Int32) -> Int32, _ bank: MLXArray, _ generator: inout SeededGenerator
    ) -> (x: MLXArray, mask: MLXArray, frames: MLXArray, labels: MLXArray, lengths: MLXArray) {
        let T = batch.map(\.count).max() ?? 0, L = batch.map(\.labels.count).max() ?? 0
        let rows = batch.map { padded($0.frames, widths: [(0, T - $0.count), (0, 0)]) }
        var x = stacked(rows).asType(.float32)
        let size = min(x.size, bank.size)
        let start = generator.index(below: bank.size - size + 1)
        if x.size == size {  // the frames' own deviation is near 1
            x = x + bank[start..<start + size].reshaped(x.shape) * options.noise
        }
        let labels = batch.flatMap { item in
            item.labels.map(classOf) + [Int32](repeating: 0, count: L - item.labels.count)
        }
        let mask = batch.flatMap { item in (0..<T).map { $0 < item.count ? Float(1) : 0 } }
        return (
            x, MLXArray(mask, [batch.count, T, 1]), MLXArray(batch.map { Int32($0.count) }),
            MLXArray(labels, [batch.count, L]),
            MLXArray(batch.map { Int32($0.labels.count) })
        )
    }

    /// voice = level x norm / sqrt(k) x sum over k of d_k (p_k . (s - mean)) / sigma_k: p_k the main directions of the
    /// clips' early encoder statistics, d_k those of the token embeddings behind the first: the LLM is used to energy there. In
    /// directions in which its embeddings hardly vary, a voice of half a token's length drowned the words, and on the very
    /// first it lies where words differ most (docs/NOTEBOOK.md).
    private func setVoice(of projector: SmolProjector, from items: [Item]) throws {
        let n = items.count, D = items[0].voice.count, k = min(options.voiceDimensions, D, n)
        let S = MLXArray(items.flatMap(\.voice), [n, D])
        let mean = S.mean(axes: [0])
        let centred = S - mean
        let covariance = matmul(centred.T, centred) / Float(n)
        let (p, variances) = try Directions.leading(covariance, count: k, iterations: 60, seed: options.seed)
        let E = model.decoder.embedTokens.weight
        let tokens = E - E.mean(axes: [0])
        let spread = matmul(tokens.T, tokens) / Float(E.dim(0))
        let width = E.dim(1)
        let skipped = min(options.wordDirections, max(0, E.dim(1) - k))
        let d = try Directions.leading(spread, count: skipped + k, iterations: 300, seed: options.seed)
            .vectors.suffix(k)
        let norm = try sqrt(E.square().sum(axes: [1])).mean().item()
        let gain = options.voiceLevel * norm / Float(k).squareRoot()
        let scaled = p.enumerated().map { i, row in row.map { $0 * gain / max(variances[i], 1e-12).squareRoot() } }
        projector.voiceMean = mean
        projector.voiceWeight = matmul(
            MLXArray(d.flatMap { $0 }, [k, width]).T, MLXArray(scaled.flatMap { $0 }, [k, D]))
        try eval(projector.voiceMean, projector.voiceWeight)
    }

    /// What the projector hears, as text.
    public func transcript(_ item: Item) throws -> String {
        try model.transcript(of: item.frames.asType(.float32))
    }
}
