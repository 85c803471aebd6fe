import AudioLanguageModels
import Corpora
import Foundation
import MLX
import MLXNN
import Speech
import Tokenization

/// Training of the embedded model's projector: content by CTC against the LLM's token embeddings and what the tokens' letters
/// sound like, voice by principal directions. The LLM stays as it is and is not in the loop, and so does the encoder unless it is asked for.
public struct AlignmentOptions: Sendable, Equatable, Codable {
    /// 0 leaves content as `initial` has it and sets the voice alone.
    public var steps = 1_800
    public var batchSize = 48
    public var learningRate: Float = 1.5e-3
    /// Peak of the encoder's own rate; 0 leaves it as it is, so that every clip is encoded once and no more.
    public var encoderLearningRate: Float = 0
    public var seed: UInt64 = 1
    /// Standard deviation of the noise on the encoder's frames, as a share of their own. Batches of more than 2^22 values get none:
    /// of 48 clips those of which one is longer than some 4.5 s. The shipped projector was trained so.
    public var noise: Float = 0.05
    /// Training clips are heard up to this share faster or slower, pitch and formants with it, as drawn by the seed: voices that
    /// no engine has.
    public var speedChange = 0.1
    /// Share of what the projector's blocks add that is left out in training.
    public var dropout: Float = 0.1
    /// Classes that a step is told apart against, beside those of its clips: drawn anew each step. All of them would take
    /// most of its time.
    public var negatives = 3_000
    /// Principal directions of the voice, and their common length as a share of a token embedding's. Age and sex are in the
    /// first six, half of what tells emotions apart lies further back.
    public var voiceDimensions = 32
    public var voiceLevel: Float = 0.7
    /// Main directions of the token embeddings that are left to the words.
    public var wordDirections = 10
    /// A projector to start from; its tokens may be others.
    public var initial: URL?
    /// Steps between checkpoints.
    public var saveEvery = 200
    public init() {}

    var trainsEncoder: Bool { encoderLearningRate > 0 }
}

/// What the training says at intervals and at its end.
public struct AlignmentProgress: Sendable {
    public enum Stage: String, Sendable { case encoding, training, voice }
    public var stage: Stage
    public var done: Int, total: Int
    public var loss: Float?
}

public final class Alignment {
    public struct Item {
        public let id: String
        public let text: String
        public let speaker: String
        public let kind: String
        public let labels: [Int32]
        /// Half precision: what the frozen encoder has made of the clip, stacked, [n, 4 x width]; or, where the encoder is
        /// trained, the clip's mel spectrogram [frames, bins].
        let input: MLXArray
        /// Vectors of the clip.
        public let count: Int
        /// What the voice adaptor reads; empty as long as the encoder is to be trained.
        package let voice: [Float]
    }

    public let model: SmolModel
    public let options: AlignmentOptions
    public private(set) var train: [Item] = [], validation: [Item] = []
    private let initial: SmolProjector?

    /// - Parameter model: loaded without a projector; it gets the encoder that comes with `options.initial`.
    public init(model: SmolModel, options: AlignmentOptions) throws {
        self.model = model
        self.options = options
        initial = try options.initial.map { try model.readProjector($0) }
    }

    /// As the words are heard: small letters, no punctuation but apostrophes.
    public static func spoken(_ text: String) -> String {
        NearTexts.words(text).joined(separator: " ")
    }
    func tokens(of text: String) -> [Int32] { model.tokenizer.encode(" " + Self.spoken(text)) }

    /// neutral, child or emotional: what the voice of a clip is.
    public static func kind(_ utterance: Utterance) -> String {
        if utterance.voice?["age"] == "child" { return "child" }
        return (utterance.voice?["emotion"] ?? "neutral") == "neutral" ? "neutral" : "emotional"
    }

    /// Hears every clip once: through the encoder where it is frozen.
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
            let mel = try model.mel(of: waveform)
            var voice: [Float] = []
            let input: MLXArray, count: Int
            if options.trainsEncoder {
                input = MLXArray(mel.values, [mel.frames, mel.bins]).asType(.float16)
                count = SmolProjector.vectors(ofFrames: mel.frames)
            } else {
                let stages = model.encode(mel)
                input = SmolProjector.frames(of: stages).asType(.float16)
                count = input.dim(0)
                voice = SmolProjector.voiceInput(try EncoderStates.summary(stages))
            }
            try eval(input)
            let item = Item(
                id: utterance.id, text: utterance.text, speaker: utterance.speaker, kind: Self.kind(utterance),
                labels: tokens(of: utterance.text), input: input, count: count, voice: voice)
            if utterance.split == .train { train.append(item) } else { validation.append(item) }
            progress(AlignmentProgress(stage: .encoding, done: i + 1, total: utterances.count))
        }
    }

    /// Trains content, then sets the voice adaptor.
    ///
    /// - Parameters:
    ///   - checkpoint: a folder that is written now and then, and when `shouldStop` ends the training early with a
    ///     `CancellationError`; nil: nothing is kept.
    ///   - resume: whether to go on from what `checkpoint` holds.
    public func run(
        checkpoint: URL? = nil, resume: Bool = false, progress: (AlignmentProgress) -> Void = { _ in },
        shouldStop: () -> Bool = { false }
    ) throws {
        // A clip with fewer frames than labels cannot be aligned.
        let usable = train.filter { $0.count > $0.labels.count + 2 && !$0.labels.isEmpty }
        guard usable.count >= options.batchSize else {
            throw FineTuningError(
                "the alignment corpus has \(usable.count) usable training clips, expected at least \(options.batchSize)"
            )
        }
        let config = model.config
        let heard = Set(usable.flatMap(\.labels)).sorted()
        let used = options.steps == 0 ? initial?.tokens ?? heard : heard
        let projector = SmolProjector(
            encoderWidth: config.encoder.width, width: config.decoder.hiddenSize, tokens: used, seed: options.seed)
        if let initial { try projector.update(parameters: initial.parameters()) }
        try model.use(projector)
        if options.steps > 0 {
            let trainer = try AlignmentTrainer(model: model, projector: projector, items: usable, options: options)
            if resume, let checkpoint { try trainer.resume(from: checkpoint) }
            while trainer.step < options.steps {
                let loss = try trainer.train()
                progress(
                    AlignmentProgress(stage: .training, done: trainer.step, total: options.steps, loss: loss))
                let stop = shouldStop()
                if let checkpoint, stop || trainer.step % options.saveEvery == 0 { try trainer.save(in: checkpoint) }
                if stop, trainer.step < options.steps { throw CancellationError() }
            }
        }
        try setVoice(of: projector, from: voices(of: usable, progress, shouldStop))
        try model.use(projector)
    }

    /// What the voice adaptor reads of each clip: heard anew where the encoder has changed.
    private func voices(
        of items: [Item], _ progress: (AlignmentProgress) -> Void, _ shouldStop: () -> Bool
    ) throws -> [[Float]] {
        try items.enumerated().map { i, item in
            if shouldStop() { throw CancellationError() }
            guard options.trainsEncoder else { return item.voice }
            let voice = SmolProjector.voiceInput(try EncoderStates.summary(model.encoder(item.mel)))
            progress(AlignmentProgress(stage: .voice, done: i + 1, total: items.count))
            return voice
        }
    }

    /// What the projector hears, as text.
    public func transcript(_ item: Item) throws -> String {
        try model.transcript(
            of: options.trainsEncoder
                ? SmolProjector.frames(of: model.encoder(item.mel)) : item.input.asType(.float32))
    }

    /// Writes the projector, with the encoder where that is no longer the published one.
    public func save(to url: URL, metadata: [String: String]) throws {
        try model.projector?.save(to: url, encoder: model.hasOwnEncoder ? model.encoder : nil, metadata: metadata)
    }
}

extension Alignment.Item {
    /// [1, frames, bins], where the encoder is trained.
    var mel: MLXArray { input.asType(.float32).expandedDimensions(axis: 0) }
}
