import ArgumentParser
import Corpora
import Foundation

extension CorpusCommand {
    /// `resurface corpus check`: whether a corpus is fit for use.
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
