import ArgumentParser
import Corpora
import Evaluation
import Foundation

extension CorpusCommand {
    /// `resurface corpus build`: the package's texts, spoken.
    struct Build: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Speaks the package's texts in many voices into a corpus folder.",
            discussion: """
                The speech engines are installed into the cache folder the first time (some 200 MB). Safe to interrupt: \
                the same command goes on where it was.
                """)

        @Option(help: "The corpus folder.")
        var out: String

        @Option(help: "The same seed gives the same corpus.")
        var seed: UInt64 = 1

        @Option(
            help: """
                packaged (the same on every machine), all (with flite, kokoro and festival where they are), distinct (with flite, and \
                no split hears another's base voice), none, or ids with commas.
                """)
        var voices = "packaged"

        @Option(help: "An OpenAI-compatible speech service that speaks too, as https://host/v1; key: OPENAI_API_KEY.")
        var endpoint: String?

        @Option(help: "Its model.")
        var endpointModel: String?

        @Option(help: "Its voices and their sex, as nova:female,onyx:male; three of each sex serve all splits.")
        var endpointVoices: String?

        @Option(help: "Some of age,gender,emotion,safety,intents,declared,alignment.")
        var parts = "age,gender,emotion,safety,intents,declared"

        @Option(help: "Some of train,validation,test: whose texts are spoken (not of the part alignment).")
        var splits = "train,validation,test"

        @Option(
            help:
                "Training texts of each category, at most a tenth of that for validation and test each (default: all).")
        var textsPerCategory: Int?

        @Option(help: "Sentences for the part alignment (default: all).")
        var sentences: Int?

        @Option(help: "Level of emotional speech: constant or kept (louder when angry, as in real speech).")
        var level = "constant"

        @Option(help: "Share of emotional clips whose emotion is strong; the rest is normal, as RAVDESS has both.")
        var strongShare = CorpusPlan.Options().strongShare

        @Option(help: "Processes at once (default: one per core).")
        var workers: Int?

        @Option(
            help: "Then transcribe every clip and drop those with a word error rate above this, as corpus verify does.")
        var verify: Double?

        @Flag(help: "Print a JSON object on standard output.")
        var json = false

        func run() throws {
            var options = CorpusPlan.Options()
            options.parts = try named(parts, option: "--parts")
            guard let level = LevelRule(rawValue: level) else {
                throw ValidationError("--level: expected constant or kept, found \(level)")
            }
            try verify.map(Verify.check)
            options.splits = try named(splits, option: "--splits")
            options.level = level
            options.strongShare = strongShare
            options.seed = seed
            options.textsPerCategory = textsPerCategory
            options.alignmentSentences = sentences
            var chosen = try Voice.named(voices)
            switch (endpoint, endpointModel, endpointVoices) {
            case (nil, nil, nil): break
            case (let url?, let model?, let names?):
                options.endpoint = try SpeechEndpoint(url: url, model: model)
                chosen += try SpeechEndpoint.voices(names)
            default:
                throw ValidationError(
                    "--endpoint, --endpoint-model and --endpoint-voices are given together or not at all")
            }
            // Before anything is installed: what cannot be planned ends here.
            var plan = try CorpusPlan(texts: .bundled(), voices: chosen, options: options)
            try CorpusBuilder.check(URL(fileURLWithPath: out, isDirectory: true))
            let environment = try SpeechEnvironment.install(
                progress: { Progress.say($0) }, shouldStop: { Interrupt.requested })
            if voices == "all" {
                let there = try environment.engines()
                chosen.removeAll { $0.engine != .endpoint && !there.contains($0.engine) }
                Progress.say("engines: " + there.map(\.rawValue).sorted().joined(separator: ", "))
                plan = try CorpusPlan(texts: .bundled(), voices: chosen, options: options)
            }
            nonisolated(unsafe) let bar = Progress("speaking")  // the builder calls it one at a time
            let builder = CorpusBuilder(
                plan: plan, folder: URL(fileURLWithPath: out, isDirectory: true), environment: environment)
            let outcome = try builder.build(workers: workers) { progress in
                bar.update(progress.done, of: progress.total, "\(progress.kept) kept")
            } shouldStop: {
                Interrupt.requested
            }
            Progress.end()
            guard let corpus = outcome.corpus else {
                Progress.say("stopped after \(outcome.spoken + outcome.kept) clips; run it again to go on")
                throw CancellationError()
            }
            let verification = try verify.map { try Verify.verify(corpus.folder, limit: $0) }
            let answer = Answer(
                folder: corpus.folder.path,
                utterances: corpus.utterances.count - (verification?.dropped.count ?? 0), spoken: outcome.spoken,
                kept: outcome.kept, seconds: (outcome.seconds * 10).rounded() / 10, verification: verification)
            if json { return try printJSON(answer) }
            if let verification { print(verification.table) }
            print(
                "\(answer.folder): \(answer.utterances) utterances, \(answer.spoken) spoken, \(answer.kept) kept")
        }

        private struct Answer: Codable {
            var folder: String
            var utterances: Int, spoken: Int, kept: Int
            /// Of speaking.
            var seconds: Double
            var verification: CorpusVerification?
        }
    }
}
