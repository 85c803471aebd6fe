import ArgumentParser
import AudioLanguageModels
import Checkpoints
import Corpora
import Evaluation
import FineTuning
import Foundation

extension Align {
    /// `resurface align projector`: the first stage.
    struct ProjectorStage: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "projector",
            abstract:
                "Trains the embedded model's projector: content by CTC against token embeddings and letters, voice by main directions.",
            discussion: """
                The corpus folder holds plain utterances (text and audio); those of the split `validation` are not trained on and
                give the word error rate. The language model stays as it is, and so does the encoder unless it is given a
                learning rate: then every step hears its clips anew, which takes some five times as long. Ctrl-C finishes the step,
                writes a checkpoint beside --out and exits 130; the same command with --resume goes on.
                """)

        @Option(help: "The corpus folder.")
        var corpus: String

        @Option(help: "Where to write the projector (safetensors).")
        var out: String

        @Option(help: "A projector to start from (default: random weights).")
        var initial: String?

        @Option(help: "Training steps; 0 keeps the content of --initial and sets the voice alone.")
        var steps = AlignmentOptions().steps

        @Option(help: "Clips a step.")
        var batchSize = AlignmentOptions().batchSize

        @Option(help: "Peak learning rate.")
        var learningRate = AlignmentOptions().learningRate

        @Option(help: "Peak learning rate of the encoder; 0 leaves it as it is.")
        var encoderLearningRate = AlignmentOptions().encoderLearningRate

        @Option(help: "Seed of everything random.")
        var seed: UInt64 = 1

        @Option(help: "Training clips are heard up to this share faster or slower.")
        var speedChange = AlignmentOptions().speedChange

        @Option(help: "Length of the voice vector as a share of a token embedding's.")
        var voiceLevel = AlignmentOptions().voiceLevel

        @Option(help: "Main directions of the voice that are kept.")
        var voiceDimensions = AlignmentOptions().voiceDimensions

        @Flag(help: "Go on from the checkpoint beside --out.")
        var resume = false

        @Flag(help: "Print a JSON object on standard output.")
        var json = false

        func run() throws {
            guard (0...1_000_000).contains(steps), (1...4096).contains(batchSize), learningRate > 0, learningRate < 1,
                (0..<1).contains(encoderLearningRate),
                (0...10).contains(voiceLevel), (1...512).contains(voiceDimensions), (0...0.5).contains(speedChange)
            else {
                throw ValidationError(
                    "expected 0 to 1000000 steps, a batch of 1 to 4096, learning rates between 0 and 1, a voice level of 0 to 10, 1 to 512 voice dimensions and a speed change of 0 to .5"
                )
            }
            guard steps > 0 || initial != nil else {
                throw ValidationError("--steps 0 keeps the content of a projector: expected --initial, found none")
            }
            guard steps > 0 || encoderLearningRate == 0 else {
                throw ValidationError("--steps 0 trains nothing: expected no --encoder-learning-rate")
            }
            let checkpoint = URL(fileURLWithPath: out + ".checkpoint", isDirectory: true)
            guard resume || !FileManager.default.fileExists(atPath: checkpoint.path) else {
                throw ValidationError(
                    "\(checkpoint.path) is of a training that was stopped: give --resume to go on, or remove it")
            }
            let target = URL(fileURLWithPath: out)
            try OutputFolder.check(target.deletingLastPathComponent())
            var isFolder: ObjCBool = false
            guard !FileManager.default.fileExists(atPath: out, isDirectory: &isFolder) || !isFolder.boolValue else {
                throw ValidationError("--out \(out): expected a file's name, found a folder")
            }
            let folder = URL(fileURLWithPath: corpus, isDirectory: true)
            let utterances = try Corpus.load(folder).utterances.filter { $0.split != .test }
            let model = try SmolModel(folder: SmolSetup.folder, name: "smol", withoutProjector: true)
            var options = AlignmentOptions()
            options.steps = steps
            options.initial = initial.map { URL(fileURLWithPath: $0) }
            options.batchSize = batchSize
            options.learningRate = learningRate
            options.encoderLearningRate = encoderLearningRate
            options.seed = seed
            options.speedChange = speedChange
            options.voiceLevel = voiceLevel
            options.voiceDimensions = voiceDimensions
            let alignment = try Alignment(model: model, options: options)
            let initialCommand = try options.initial.flatMap { try SafetensorsFile($0).metadata["command"] }
            let encoding = Progress("encoding clips")
            try alignment.encode(
                utterances, in: folder, progress: { encoding.update($0.done, of: $0.total) },
                shouldStop: { Interrupt.requested })
            let training = Progress("training, step"), voices = Progress("hearing voices")
            var smooth: Float?
            try alignment.run(
                checkpoint: checkpoint, resume: resume,
                progress: {
                    if $0.stage == .voice { return voices.update($0.done, of: $0.total) }
                    if let loss = $0.loss { smooth = smooth.map { 0.95 * $0 + 0.05 * loss } ?? loss }
                    training.update($0.done, of: $0.total, String(format: "CTC loss %.3f a token", smooth ?? 0))
                }, shouldStop: { Interrupt.requested })
            var heldOut = HeldOut(known: alignment.train.map(\.speaker)), shown = 0
            for item in alignment.validation {
                try Interrupt.check()
                let heard = try alignment.transcript(item)
                heldOut.add(heard, text: item.text, speaker: item.speaker, kind: item.kind)
                if shown < 8, !json {
                    shown += 1
                    Progress.say("  \(Alignment.spoken(item.text))  ->  \(heard)")
                }
            }
            let answer = Answer(trainClips: alignment.train.count, wordErrors: heldOut.figures)
            var metadata = [
                "command":
                    "resurface align projector \(initial == nil ? "" : "--initial FILE ")--steps \(steps) --batch-size \(batchSize) --learning-rate \(learningRate)\(encoderLearningRate > 0 ? " --encoder-learning-rate \(encoderLearningRate)" : "") --seed \(seed) --speed-change \(speedChange) --voice-level \(voiceLevel) --voice-dimensions \(voiceDimensions)",
                "train_clips": "\(answer.trainClips)",
                "word_error_rate_known_voices": HeldOut.line(answer.wordErrors["known"]),
                "word_error_rate_unheard_voices": HeldOut.line(answer.wordErrors["unheard"]),
            ]
            metadata["initial_command"] = initialCommand
            try alignment.save(to: target, metadata: metadata)
            try? FileManager.default.removeItem(at: checkpoint)
            if json { return try printJSON(answer) }
            print("word error rate on unheard texts")
            print(HeldOut.table(answer.wordErrors))
        }

        private struct Answer: Codable {
            var trainClips: Int
            /// Of the CTC transcript.
            var wordErrors: [String: WordErrorFigures]
        }
    }
}
