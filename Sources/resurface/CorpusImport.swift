import ArgumentParser
import Checkpoints
import Corpora
import Foundation

extension CorpusCommand {
    /// `resurface corpus import`: recordings that a user owns.
    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a corpus of recordings that you have.",
            discussion: """
                Layouts, and what SOURCE must be:

                \(ImportLayout.help)

                Labels become this project's words; how, and which splits: docs/CORPUS.md. An unknown label, a clip that \
                is missing and an id that is there twice end the import; with --skip-bad they are left out and listed in \
                rejects.jsonl. Safe to interrupt: the same command goes on where it was. The licences of data sets are \
                their makers'.
                """)

        @Argument(help: "The layout.")
        var layout: ImportLayout

        @Argument(help: "The data set's folder or file.")
        var source: String

        @Option(help: "The corpus folder.")
        var out: String

        @Flag(help: "Hard links instead of copies, where the file system can.")
        var link = false

        @Flag(help: "Leave out what cannot be used and write it to rejects.jsonl in the corpus folder.")
        var skipBad = false

        @Option(help: "Where relative paths of audio begin (messages, kimi, csv; default: the folder of the file).")
        var audioFolder: String?

        @Option(help: "COLUMN=FIELD: a column that is called otherwise here; may be repeated (csv).")
        var map: [String] = []

        @Option(help: "FIELD:THEIRS=OURS: a word of the table and ours; may be repeated (csv).")
        var value: [String] = []

        @Flag(help: "Print a JSON object on standard output.")
        var json = false

        func run() throws {
            let importer = try layout.importer(options())
            Progress.say("reading \(source)")
            var bar: Progress?
            let outcome = try importer.run(
                from: URL(fileURLWithPath: source), to: URL(fileURLWithPath: out, isDirectory: true),
                transfer: link ? .link : .copy, skipBad: skipBad,
                progress: { done, total in
                    // The time that remains is that of copying.
                    if bar == nil { bar = Progress("copying") }
                    bar?.update(done, of: total)
                }, shouldStop: { Interrupt.requested })
            Progress.end()
            let corpus = outcome.corpus
            let answer: JSONValue = [
                "folder": .string(corpus.folder.path), "utterances": .integer(corpus.utterances.count),
                "rejects": .integer(corpus.rejects.count), "unused": .array(outcome.unused.map { .string($0) }),
            ]
            if json { return print(answer.text()) }
            print("\(corpus.folder.path): \(corpus.utterances.count) utterances, \(corpus.rejects.count) left out")
            if !outcome.unused.isEmpty { print("not read: \(outcome.unused.joined(separator: ", "))") }
        }

        private func options() throws -> ImportLayout.Options {
            var options = ImportLayout.Options()
            options.audioFolder = audioFolder.map { URL(fileURLWithPath: $0, isDirectory: true) }
            for text in map {
                // Columns may have a sign in their names, fields have none.
                guard let sign = text.lastIndex(of: "="), sign > text.startIndex else {
                    throw ValidationError("--map: expected COLUMN=FIELD, found \(text)")
                }
                options.table.columns.append((String(text[..<sign]), String(text[text.index(after: sign)...])))
            }
            for text in value {
                guard let colon = text.firstIndex(of: ":"), let sign = text.lastIndex(of: "="), colon < sign else {
                    throw ValidationError("--value: expected FIELD:THEIRS=OURS, found \(text)")
                }
                let theirs = text[text.index(after: colon)..<sign]
                options.table.words[String(text[..<colon]), default: [:]][String(theirs)] = String(
                    text[text.index(after: sign)...])
            }
            return options
        }
    }
}

extension ImportLayout: ExpressibleByArgument {}
