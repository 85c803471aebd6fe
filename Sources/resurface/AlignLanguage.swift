import ArgumentParser
import AudioLanguageModels
import Checkpoints
import Corpora
import Evaluation
import FineTuning
import Foundation

extension Align {
    /// `resurface align language`: the second and third stage.
    struct LanguageStage: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "language",
            abstract: "Trains an adapter on all layers of the embedded model: to repeat, and to answer what it hears.",
            discussion: """
                The run folder holds the adapter, as `finetune` leaves it: `resurface evaluate --suite content --adapter RUN` says what it
                is worth. Ctrl-C finishes the step, writes a checkpoint and exits 130; the same command with --resume goes on.
                """)

        @Option(help: "The corpus folder: plain speech.")
        var corpus: String

        @Option(help: "The run folder.")
        var out: String

        @Option(help: "A projector in place of the model's own.")
        var projector: String?

        @Option(help: "Clips to learn from, at most.")
        var clips = 4_500

        @Option(help: "Some of transcription,distillation.")
        var tasks = "transcription,distillation"

        @Option(help: "Passes over the examples.")
        var epochs = 1

        @Option(help: "Examples an optimiser step.")
        var batchSize = 16

        @Option(help: "Peak learning rate.")
        var learningRate: Float = 1e-3

        @Option(help: "Rank of LoRA.")
        var rank = 8

        @Option(help: "Seed of everything random.")
        var seed: UInt64 = 1

        @Option(help: "Where to write the adapter in half precision too, as the package ships it.")
        var weights: String?

        @Flag(help: "Continue the run in --out.")
        var resume = false

        @Flag(help: "Print a JSON object on standard output.")
        var json = false

        func run() throws {
            let chosen: Set<LanguageAlignment.Task> = try named(tasks, option: "--tasks")
            guard !chosen.isEmpty, (1...1_000_000).contains(clips) else {
                throw ValidationError("--tasks, --clips: expected at least one task, and 1 to 1000000 clips")
            }
            let folder = URL(fileURLWithPath: out, isDirectory: true)
            let run = Run(folder)
            try OutputFolder.check(folder)
            try run.check(resume: resume)
            if let weights { try AtomicDirectory.checkReplaceable(URL(fileURLWithPath: weights, isDirectory: true)) }
            let model = try SmolModel(
                folder: SmolSetup.folder, name: "smol", projector: projector.map { URL(fileURLWithPath: $0) })
            var settings = FineTuneConfig()
            settings.corpus = corpus
            (settings.firstLayer, settings.lastLayer) = (0, model.decoder.config.layers - 1)
            settings.adch = false
            settings.rank = rank
            settings.epochs = epochs
            (settings.batchSize, settings.microBatchSize) = (batchSize, batchSize)
            settings.learningRate = learningRate
            settings.seed = seed
            try settings.validate(layers: model.decoder.config.layers)
            let source = try FeatureSource(corpus, model: model)
            let train = LanguageAlignment.clips(of: source.corpus, count: clips, seed: seed)
            try source.warm(train)
            var answers: [String: [Int32]] = [:]
            if chosen.contains(.distillation) {
                let reading = Progress("answering what is read")
                try OutputFolder.make(folder)
                answers = try LanguageAlignment.answers(
                    to: train, model: model, file: folder.appendingPathComponent("answers.json"), resume: resume,
                    progress: { reading.update($0, of: $1) }, shouldStop: { Interrupt.requested })
            }
            let examples = try LanguageAlignment.examples(
                train, transcribing: chosen.contains(.transcription), answers: answers, model: model,
                features: source.features)
            let trainer = try Trainer(model: model, examples: examples, config: settings)
            let training = Progress("step")
            try run.train(
                trainer, resume: resume,
                progress: { training.update($0.step, of: $1, String(format: "loss %.3f", $0.loss)) },
                shouldStop: { Interrupt.requested })
            if let weights {
                try Adapters.writeHalf(of: folder, to: URL(fileURLWithPath: weights, isDirectory: true))
            }
            let answer = try Answer(
                clips: train.count, examples: examples.count,
                repeated: Self.repeated(source, known: train.map(\.speaker)))
            if json { return try printJSON(answer) }
            print("word error rate of what is repeated, unheard texts")
            print(HeldOut.table(answer.repeated))
            print("\(out)/adapter")
        }

        private struct Answer: Codable {
            var clips: Int, examples: Int
            /// Of the validation split.
            var repeated: [String: WordErrorFigures]
        }

        private static func repeated(_ source: FeatureSource, known: [String]) throws -> [String: WordErrorFigures] {
            let clips = source.corpus.utterances.filter { $0.split == .validation }
            let bar = Progress("repeating")
            let said = try Responder(model: source.model).repeated(
                clips, features: source.features, progress: { bar.update($0, of: $1) },
                shouldStop: { Interrupt.requested })
            var heldOut = HeldOut(known: known)
            for (clip, words) in zip(clips, said) {
                heldOut.add(words, text: clip.text, speaker: clip.speaker, kind: Alignment.kind(clip))
            }
            return heldOut.figures
        }
    }
}
