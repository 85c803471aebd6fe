import ArgumentParser
import AudioLanguageModels
import Corpora
import Evaluation
import Foundation

extension CorpusCommand {
    /// `resurface corpus verify`: whether the clips say their texts.
    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Transcribes every clip with Whisper tiny.en and drops those that are not understood.",
            discussion: """
                Clips with a word error rate above the limit leave corpus.jsonl for dropped.jsonl, with their transcripts; \
                the audio stays, and another limit brings them back. All transcripts are in transcripts.jsonl. Safe to \
                interrupt: the same command goes on where it was.
                """)

        @Argument(help: "The corpus folder.")
        var corpus: String

        @Option(help: "The highest word error rate of a clip that is kept.")
        var limit = 0.5

        @Flag(help: "Print a JSON object on standard output.")
        var json = false

        func run() throws {
            let found = try Self.verify(URL(fileURLWithPath: corpus, isDirectory: true), limit: limit)
            if json { return try printJSON(found) }
            print(found.table)
        }

        static func check(_ limit: Double) throws {
            guard limit.isFinite, limit >= 0 else {
                throw ValidationError("the limit of the word error rate: expected 0 or more, found \(limit)")
            }
        }

        /// Obtains the transcriber first where it is not there.
        static func verify(_ folder: URL, limit: Double) throws -> CorpusVerification {
            try check(limit)
            if !TranscriberSetup.isReady { Progress.say("fetching the transcriber (70 MB, once)") }
            let model = try TranscriberSetup.fetch(shouldStop: { Interrupt.requested })
            let bar = Progress("transcribing")
            let found = try CorpusVerifier(transcriber: Transcriber(folder: model)).verify(
                folder, limit: limit, progress: { bar.update($0, of: $1) }, shouldStop: { Interrupt.requested })
            Progress.end()
            return found
        }
    }
}

extension CorpusVerification {
    /// For people.
    var table: String {
        func line(_ name: String, _ row: Row) -> String {
            "  " + name.padding(toLength: max(20, name.count + 1), withPad: " ", startingAt: 0)
                + (row.wordErrors?.line ?? "no words") + ", \(row.clips) clips, \(row.dropped) dropped"
        }
        var lines = ["word error rate"]
        lines += engines.sorted { $0.key < $1.key }.map { line($0.key, $0.value) }
        lines += attributes.sorted { $0.key < $1.key }.map { line($0.key, $0.value) }
        lines.append(line("all", all))
        if let kept, !dropped.isEmpty { lines.append("  without the dropped: \(kept.line)") }
        let file = dropped.isEmpty ? "" : ", listed in \(Corpus.droppedName)"
        lines.append(
            "\(dropped.count) of \(all.clips) clips dropped (limit \(limit))\(file); \(transcribed) transcribed in "
                + "\(Int(seconds.rounded())) s")
        return lines.joined(separator: "\n")
    }
}
