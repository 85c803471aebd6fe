import ArgumentParser
import Checkpoints
import Corpora
import Foundation

extension CorpusCommand {
    /// `resurface corpus import`: recordings that a user owns.
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
}
