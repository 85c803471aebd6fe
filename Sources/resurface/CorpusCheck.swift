import ArgumentParser
import AudioLanguageModels
import Corpora
import Foundation
import LayerAnalysis

extension CorpusCommand {
    /// `resurface corpus check`: whether a corpus is fit for use.
    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads every line and clip of a corpus; an error if something makes it unfit.",
            discussion: """
                With --audit it also asks whether a model could learn something else than the voice: the engine, the \
                processing, the level, a text or a speaker that it meets again. Exit code 1 where something makes the \
                corpus unfit.
                """)

        @Argument(help: "The corpus folder, or a .jsonl file with its audio beside it.")
        var corpus: String

        @Flag(help: "Leave bad lines out and write them to bad-lines.jsonl beside the corpus.")
        var skipBad = false

        @Flag(help: "Look for what gives the labels away beside the voice, with probes and their intervals.")
        var audit = false

        @Option(help: "With --audit: probe this model's encoder too (`smol` or a folder), not only log-mel statistics.")
        var model: String?

        @Option(help: "With --audit: clips of each category, value and engine to listen to at most.")
        var clipsPerCell = AuditOptions().clipsPerCell

        @Option(help: "With --audit: seed of draws, folds and controls.")
        var seed = AuditOptions().seed

        @Flag(help: "Print a JSON object on standard output.")
        var json = false

        /// A corpus that was read and is no good: the command has failed, its usage was right.
        private struct Unfit: Error, CustomStringConvertible {
            var description: String
        }

        /// The report, and the audit's findings beside its fields.
        private struct Answer: Encodable {
            var report: CorpusReport
            var audit: AuditReport?

            private enum Key: CodingKey { case audit }

            func encode(to encoder: any Encoder) throws {
                try report.encode(to: encoder)
                var container = encoder.container(keyedBy: Key.self)
                try container.encodeIfPresent(audit, forKey: .audit)
            }
        }

        func validate() throws {
            guard audit || model == nil else { throw ValidationError("--model belongs to --audit") }
            guard (2...100_000).contains(clipsPerCell) else {
                throw ValidationError("--clips-per-cell: expected 2 to 100000, found \(clipsPerCell)")
            }
        }

        func run() throws {
            let url = URL(fileURLWithPath: corpus)
            let folder = url.pathExtension == "jsonl" ? url.deletingLastPathComponent() : url
            let rejects = folder.appendingPathComponent("bad-lines.jsonl")
            let corpus = try Corpus.load(url, skipBad: skipBad, rejectsFile: skipBad ? rejects : nil)
            let bar = Progress("reading")
            let report = corpus.check(
                progress: { bar.update($0, of: $1) }, shouldStop: { Interrupt.requested })
            Progress.end()
            let found = audit && report.isComplete ? try examine(corpus) : nil
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys]
                print(String(decoding: try encoder.encode(Answer(report: report, audit: found)), as: UTF8.self))
            } else {
                show(report, rejects: corpus.rejects.count)
                if let found { show(found) }
            }
            guard report.isComplete else { throw CancellationError() }
            let problems = report.problems + (found?.problems ?? []).map { "\($0.subject): \($0.statement)" }
            guard problems.isEmpty else {
                throw Unfit(description: "\(folder.path): \(problems.count) problems; first: \(problems[0])")
            }
        }

        private func examine(_ corpus: Corpus) throws -> AuditReport {
            var options = AuditOptions()
            options.clipsPerCell = clipsPerCell
            options.seed = seed
            let loaded = try model.map { try ModelRegistry.load($0) }
            let hearing = loaded.map { model in
                let cache = FeatureCache(modelHash: model.weightsHash)
                return { (utterance: Utterance) in
                    try cache.features(of: corpus.url(of: utterance)) { try model.heard($0, as: utterance.id) }
                }
            }
            let bar = Progress("auditing")
            return try CorpusAudit.run(
                corpus, options: options, hearing: hearing, progress: { bar.update($0, of: $1, $2) },
                shouldStop: { Interrupt.requested })
        }

        private func pad(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }

        private func show(_ report: CorpusReport, rejects: Int) {
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

        private func show(_ report: AuditReport) {
            print("audit: \(report.clips) clips, seed \(report.options.seed)")
            for finding in report.findings {
                print(
                    "\(finding.verdict.rawValue): \(finding.check.rawValue) (\(finding.subject)): \(finding.statement)")
                for figure in finding.figures { print("    " + line(figure)) }
                for name in finding.listed.prefix(10) { print("    - \(name)") }
                if finding.listed.count > 10 { print("    - and \(finding.listed.count - 10) more (--json has all)") }
            }
            for name in report.unreadable { print("not heard: \(name)") }
        }

        private func line(_ figure: AuditFigure) -> String {
            func number(_ value: Double) -> String { String(format: "%.3f", value) }
            var text = "\(figure.name) \(number(figure.value))"
            if let low = figure.low, let high = figure.high { text += " [\(number(low)), \(number(high))]" }
            if let chance = figure.chance { text += ", chance \(number(chance))" }
            if let control = figure.control { text += ", shuffled \(number(control))" }
            text += ", N \(figure.n)"
            if let groups = figure.groups, let unit = figure.unit { text += " (\(groups) \(unit))" }
            return text
        }
    }
}
