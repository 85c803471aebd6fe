import ArgumentParser
import AudioLanguageModels
import Corpora
import Evaluation
import FineTuning
import Foundation

extension Evaluate {
    /// One clip a text; the candidates are the split's own texts.
    func content(_ source: FeatureSource) throws {
        var seen: Set<String> = []
        let test = source.corpus.utterances.filter {
            split.includes($0.split) && $0.intent == nil && $0.declaredAge == nil
        }
        let clips = test.filter { seen.insert($0.textGroup).inserted }
        guard clips.count > 1 else {
            throw EvaluationError("\(corpus): expected at least 2 texts in the \(split.rawValue) split")
        }
        try source.warm(clips)
        var bars: [String: Progress] = [:]
        let figures = try Responder(model: source.model, maximumTokens: tokens).content(
            clips, texts: test, spoken: Alignment.spoken, features: source.features,
            progress: { done, total, what in
                let bar = bars[what] ?? Progress(what)
                bars[what] = bar
                bar.update(done, of: total)
            }, shouldStop: { Interrupt.requested })
        var heard: [(rate: WordErrorRate, group: String)] = []
        if let smol = source.model as? SmolModel {
            let progress = Progress("transcribing")
            for (i, clip) in test.enumerated() {
                try Interrupt.check()
                let stages = try smol.encode(smol.mel(of: source.sound(of: clip)))
                let words = try smol.transcript(of: SmolProjector.frames(of: stages))
                heard.append(
                    (WordErrorRate(reference: Alignment.spoken(clip.text), hypothesis: words), clip.textGroup))
                progress.update(i + 1, of: test.count)
            }
        }
        struct Answer: Codable { var content: ContentFigures, wordErrors: WordErrorFigures? }
        let answer = Answer(content: figures, wordErrors: WordErrorFigures(heard))
        try write(prettyJSON(answer))
        if json { return }
        if let ranks = figures.ranks {
            print(
                String(
                    format: "true transcript first of %d: %.1f %% [%.1f, %.1f] of %d texts, median rank %.0f",
                    ranks.candidates, ranks.first * 100, ranks.interval.low * 100, ranks.interval.high * 100,
                    clips.count, ranks.medianRank))
        }
        print(
            String(
                format: "reference answers, log-likelihood a token: heard %.3f, read %.3f (%d answers)", figures.heard,
                figures.read, figures.answers))
        if let errors = figures.repeated {
            print("word error rate of what is repeated: \(errors.line), \(errors.n) clips")
        }
        for (what, share) in [
            ("on the topic, heard", figures.topicHeard), ("on the topic, read", figures.topicRead),
            ("on the topic, its own transcript read", figures.topicRepeated),
            ("on the topic, references", figures.topicReferences),
            ("that say the query back, heard", figures.echoesHeard),
            ("that say the query back, read", figures.echoesRead),
        ] {
            if let share { print("answers \(what): \(share.line)") }
        }
        if let d = figures.topicDifference {
            print(
                String(
                    format: "answers on the topic, heard less read: %+.1f points [%+.1f, %+.1f] of %d queries",
                    d.mean * 100, d.interval.low * 100, d.interval.high * 100, d.n))
        }
        if let errors = answer.wordErrors { print("CTC word error rate: \(errors.line), \(errors.n) clips") }
    }
}
