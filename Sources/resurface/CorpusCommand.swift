import ArgumentParser
import Checkpoints
import Corpora
import Foundation

/// `resurface corpus`: making, importing and checking corpora.
struct CorpusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corpus", abstract: "Synthesises, imports or checks a corpus of spoken queries.",
        subcommands: [Build.self, Import.self, Check.self])

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

        @Option(help: "packaged (the same on every machine), all (with flite where installed), or ids with commas.")
        var voices = "packaged"

        @Option(help: "Some of age,gender,emotion,safety,intents,declared,alignment.")
        var parts = "age,gender,emotion,safety,intents,declared"

        @Option(
            help:
                "Training texts of each category, at most a tenth of that for validation and test each (default: all).")
        var textsPerCategory: Int?

        @Option(help: "Sentences for the part alignment (default: all).")
        var sentences: Int?

        @Option(help: "Sequences of words for the part alignment.")
        var sequences = 7_000

        @Option(help: "Level of emotional speech: constant or kept (louder when angry, as in real speech).")
        var level = "constant"

        @Option(help: "Processes at once (default: one per core).")
        var workers: Int?

        @Flag(help: "Print a JSON object on standard output.")
        var json = false

        func run() throws {
            var options = CorpusPlan.Options()
            options.parts = try Set(
                parts.split(separator: ",").map { name in
                    guard let part = CorpusPlan.Part(rawValue: name.trimmingCharacters(in: .whitespaces)) else {
                        let known = CorpusPlan.Part.allCases.map(\.rawValue).joined(separator: ", ")
                        throw ValidationError("--parts: \"\(name)\" is unknown; expected some of \(known)")
                    }
                    return part
                })
            guard let level = LevelRule(rawValue: level) else {
                throw ValidationError("--level: expected constant or kept, found \(level)")
            }
            options.level = level
            options.seed = seed
            options.textsPerCategory = textsPerCategory
            options.alignmentSentences = sentences
            options.alignmentSequences = sequences
            let plan = try CorpusPlan(texts: .bundled(), voices: Voice.named(voices), options: options)
            let environment: SpeechEnvironment
            do {
                environment = try SpeechEnvironment.install { Progress.say($0) }
            } catch {
                // The interruption reaches the installing program too, which then fails.
                throw Interrupt.requested ? CancellationError() : error
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
            let answer: JSONValue = [
                "folder": .string(corpus.folder.path), "utterances": .integer(corpus.utterances.count),
                "spoken": .integer(outcome.spoken), "kept": .integer(outcome.kept),
                "seconds": .number((outcome.seconds * 10).rounded() / 10),
            ]
            print(
                json
                    ? answer.text()
                    : "\(corpus.folder.path): \(corpus.utterances.count) utterances, \(outcome.spoken) spoken, "
                        + "\(outcome.kept) kept")
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a corpus of recordings: ravdess.")

        @Argument(help: "The layout: ravdess.")
        var layout: String

        @Argument(help: "The folder with the recordings.")
        var source: String

        @Option(help: "The corpus folder.")
        var out: String

        @Flag(help: "Hard links instead of copies, where the file system can.")
        var link = false

        @Flag(help: "Print a JSON object on standard output.")
        var json = false

        func run() throws {
            guard layout == "ravdess" else { throw ValidationError("layout: expected ravdess, found \(layout)") }
            let bar = Progress("reading")
            let corpus = try RavdessImporter(transfer: link ? .link : .copy).run(
                from: URL(fileURLWithPath: source, isDirectory: true), to: URL(fileURLWithPath: out, isDirectory: true),
                progress: { bar.update($0, of: $1) }, shouldStop: { Interrupt.requested })
            Progress.end()
            guard let corpus else { throw CancellationError() }
            let answer: JSONValue = [
                "folder": .string(corpus.folder.path), "utterances": .integer(corpus.utterances.count),
            ]
            print(json ? answer.text() : "\(corpus.folder.path): \(corpus.utterances.count) utterances")
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads every line and clip of a corpus; an error if something makes it unfit.")

        @Argument(help: "The corpus folder, or a .jsonl file with its audio beside it.")
        var corpus: String

        @Flag(help: "Leave bad lines out and write them to rejects.jsonl beside the corpus.")
        var skipBad = false

        @Flag(help: "Print a JSON object on standard output.")
        var json = false

        func run() throws {
            let url = URL(fileURLWithPath: corpus)
            let folder = url.pathExtension == "jsonl" ? url.deletingLastPathComponent() : url
            let rejects = folder.appendingPathComponent("rejects.jsonl")
            let corpus = try Corpus.load(url, skipBad: skipBad, rejectsFile: skipBad ? rejects : nil)
            let bar = Progress("reading")
            let report = corpus.check(
                progress: { bar.update($0, of: $1) }, shouldStop: { Interrupt.requested })
            Progress.end()
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys]
                print(String(decoding: try encoder.encode(report), as: UTF8.self))
            } else {
                show(report, rejects: corpus.rejects.count)
            }
            guard report.isComplete else { throw CancellationError() }
            guard report.problems.isEmpty else {
                throw CorpusError("\(folder.path): \(report.problems.count) problems; first: \(report.problems[0])")
            }
        }

        private func show(_ report: CorpusReport, rejects: Int) {
            func pad(_ text: String, _ width: Int) -> String {
                text + String(repeating: " ", count: max(1, width - text.count))
            }
            print(pad("category", 10) + pad("attribute", 11) + pad("split", 12) + pad("engine", 9) + "clips")
            for row in report.counts {
                print(
                    pad(row.category, 10) + pad(row.attribute, 11) + pad(row.split, 12) + pad(row.engine, 9)
                        + "\(row.clips)")
            }
            let hours = (report.seconds / 36).rounded() / 100
            print(
                "\(report.utterances) utterances, \(hours) hours, \(report.samples) samples, \(rejects) lines left out")
            for warning in report.warnings { print("warning: \(warning)") }
            for problem in report.problems { print("problem: \(problem)") }
        }
    }
}
