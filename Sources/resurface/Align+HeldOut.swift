import Corpora
import Evaluation
import FineTuning
import Foundation

extension Align {
    /// Word error rates on the texts that were held out, by groups of clips: all, known and unheard (voices), neutral, child and
    /// emotional.
    struct HeldOut {
        private let known: Set<String>
        private var clips: [String: [(rate: WordErrorRate, group: String)]] = [:]

        /// - Parameter known: the speakers of the training clips.
        init(known: some Sequence<String>) { self.known = Set(known) }

        mutating func add(_ words: String, text: String, speaker: String, kind: String) {
            let rate = WordErrorRate(reference: Alignment.spoken(text), hypothesis: words)
            for group in ["all", known.contains(speaker) ? "known" : "unheard", kind] {
                clips[group, default: []].append((rate, Utterance.textGroup(of: text)))
            }
        }

        var figures: [String: WordErrorFigures] { clips.compactMapValues { WordErrorFigures($0) } }

        static func table(_ figures: [String: WordErrorFigures]) -> String {
            [
                ("all", "all"), ("known", "known voices"), ("unheard", "unheard voices"), ("neutral", "neutral adults"),
                ("child", "children"), ("emotional", "emotional adults"),
            ].map { group, name in
                "  " + name.padding(toLength: 18, withPad: " ", startingAt: 0) + line(figures[group])
            }.joined(separator: "\n")
        }

        static func line(_ figures: WordErrorFigures?) -> String { figures?.line ?? "not measured" }
    }
}
