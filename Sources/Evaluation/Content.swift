import AudioLanguageModels
import Corpora
import Foundation
import MLX

/// What the content suite finds: does the LLM understand the words that it hears?
public struct ContentFigures: Codable, Sendable, Equatable {
    /// Rank of the true transcript by likelihood among candidates, after being asked to repeat.
    public var ranks: TranscriptRankFigures?
    /// Mean log-likelihood a token of the reference answer, heard and read, and their difference.
    public var heard: Double
    public var read: Double
    public var answers: Int
}

extension Responder {
    static let repeatRequest = "\nRepeat exactly what I said."

    /// - Parameters:
    ///   - utterances: one clip a text is enough.
    ///   - candidates: texts that the true one is ranked among; each clip's own is added.
    public func content(
        _ utterances: [Utterance], candidates: [String], spoken: (String) -> String,
        features: (Utterance) throws -> AudioFeatures, progress: (Int, Int) -> Void = { _, _ in },
        shouldStop: () -> Bool = { false }
    ) throws -> ContentFigures {
        var ranks: [TranscriptRank] = [], heard = Perplexity(), read = Perplexity(), answers = 0
        for (i, utterance) in utterances.enumerated() {
            if shouldStop() { throw CancellationError() }
            let own = try features(utterance)
            let ask = try model.prompt([Message(.user, [.audio(own), .text(Self.repeatRequest)])])
            let others = candidates.filter { spoken($0) != spoken(utterance.text) }.prefix(99)
            let all = [utterance.text] + others
            let found = try model.logLikelihoods(of: all.map { model.tokenizer.encode(spoken($0)) }, after: ask)
            // By the mean over tokens: a sum would prefer short texts.
            let scores = found.map { Double($0.sum) / Double(max(1, $0.tokens)) }
            ranks.append(try TranscriptRank(logLikelihoods: scores, truth: 0))
            if let response = utterance.response ?? utterance.generic {
                let ids = model.answerTokens(response)
                let pair = try model.logLikelihoods([
                    (model.prompt(hearing: own, system: system), ids),
                    (model.prompt(reading: spoken(utterance.text), system: system), ids),
                ])
                try heard.add(negativeLogLikelihood: -Double(pair[0].sum), tokens: pair[0].tokens)
                try read.add(negativeLogLikelihood: -Double(pair[1].sum), tokens: pair[1].tokens)
                answers += 1
            }
            progress(i + 1, utterances.count)
        }
        func mean(_ p: Perplexity) -> Double { p.tokens > 0 ? -p.negativeLogLikelihood / Double(p.tokens) : 0 }
        return ContentFigures(
            ranks: TranscriptRankFigures(ranks), heard: mean(heard), read: mean(read), answers: answers)
    }
}
