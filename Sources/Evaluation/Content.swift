import AudioLanguageModels
import Corpora
import Foundation
import MLX

/// What the content suite finds: does the LLM understand the words that it hears?
public struct ContentFigures: Codable, Sendable, Equatable {
    /// Rank of the true transcript by likelihood among candidates, as they are written, after being asked to repeat.
    public var ranks: TranscriptRankFigures?
    /// Of what the model says when it is asked to repeat, greedily.
    public var repeated: WordErrorFigures?
    /// Answers on the topic, to the query heard and to the same query read; and the judge's own control: reference answers that
    /// it has not seen.
    public var topicHeard: TopicShare?, topicRead: TopicShare?, topicReferences: TopicShare?
    /// Answers on the topic to what the model itself repeated, read: what words that were misheard cost a recogniser with a
    /// language model behind it.
    public var topicRepeated: TopicShare?
    /// How much oftener an answer is on the topic heard than read: over the same queries, texts drawn together.
    public var topicDifference: Estimate?
    /// Of the same answers: those that say the query back.
    public var echoesHeard: TopicShare?, echoesRead: TopicShare?
    /// Mean log-likelihood a token of the reference answer, heard and read, and their difference.
    public var heard: Double
    public var read: Double
    public var answers: Int
    /// Clip by clip, in the corpus' order.
    public var clips: [ContentClip]
}

/// What the model made of one clip.
public struct ContentClip: Codable, Sendable, Equatable {
    public var id: String
    public var text: String
    /// Of the true transcript among the candidates.
    public var rank: Int
    /// Said when asked to repeat.
    public var repeated: String
    public var heard: TopicAnswer
    /// The query's text in place of the clip.
    public var read: TopicAnswer
    /// `repeated` in place of the clip.
    public var readAsRepeated: TopicAnswer
}

/// An answer, and what the judge of topics finds.
public struct TopicAnswer: Codable, Sendable, Equatable {
    public var answer: String
    public var isOnTopic: Bool
    public var isEcho: Bool
}

extension Responder {
    /// What the model says to each clip when it is asked to repeat it.
    public func repeated(
        _ utterances: [Utterance], features: (Utterance) throws -> AudioFeatures,
        progress: (Int, Int) -> Void = { _, _ in }, shouldStop: () -> Bool = { false }
    ) throws -> [String] {
        let asks = try utterances.map { try model.prompt(repeating: features($0)) }
        return try answers(to: asks, progress: progress, shouldStop: shouldStop)
    }

    /// - Parameters:
    ///   - utterances: one clip a text is enough.
    ///   - texts: all of the split: candidates that the true transcript is ranked among, and what the topics are known by.
    public func content(
        _ utterances: [Utterance], texts: [Utterance], spoken: (String) -> String,
        features: (Utterance) throws -> AudioFeatures, progress: (Int, Int, String) -> Void = { _, _, _ in },
        shouldStop: () -> Bool = { false }
    ) throws -> ContentFigures {
        let clips = try utterances.map(features)
        let candidates = utterances.map(\.text)
        let asks = try clips.map { try model.prompt(repeating: $0) }
        let hearing = try clips.map { try model.prompt(hearing: $0) }
        var ranks: [TranscriptRank] = [], heard = Perplexity(), read = Perplexity(), answers = 0
        for (i, utterance) in utterances.enumerated() {
            if shouldStop() { throw CancellationError() }
            let others = candidates.filter { spoken($0) != spoken(utterance.text) }.prefix(99)
            let all = [utterance.text] + others
            let found = try model.logLikelihoods(of: all.map { model.tokenizer.encode($0) }, after: asks[i])
            // By the mean over tokens: a sum would prefer short texts.
            let scores = found.map { Double($0.sum) / Double(max(1, $0.tokens)) }
            ranks.append(try TranscriptRank(logLikelihoods: scores, truth: 0))
            if let response = utterance.response ?? utterance.generic {
                let ids = model.answerTokens(response)
                let pair = try model.logLikelihoods([
                    (hearing[i], ids),
                    (model.prompt(reading: utterance.text), ids),
                ])
                try heard.add(negativeLogLikelihood: -Double(pair[0].sum), tokens: pair[0].tokens)
                try read.add(negativeLogLikelihood: -Double(pair[1].sum), tokens: pair[1].tokens)
                answers += 1
            }
            progress(i + 1, utterances.count, "ranking transcripts")
        }
        let repeated = try self.answers(to: asks, progress: { progress($0, $1, "repeating") }, shouldStop: shouldStop)
        let errors = zip(utterances, repeated).map {
            (WordErrorRate(reference: spoken($0.text), hypothesis: $1), $0.textGroup)
        }
        let judge = TopicJudge(texts)
        func topic(_ prompts: [Prompt?], _ what: String) throws -> [TopicAnswer] {
            var said = try self.answers(
                to: prompts.compactMap { $0 }, progress: { progress($0, $1, what) }, shouldStop: shouldStop)[...]
            return zip(utterances, prompts.map { $0 == nil ? "" : said.removeFirst() }).map {
                TopicAnswer(
                    answer: $1, isOnTopic: judge.isOnTopic($1, textGroup: $0.textGroup),
                    isEcho: judge.isEcho($1, textGroup: $0.textGroup))
            }
        }
        func mean(_ p: Perplexity) -> Double { p.tokens > 0 ? -p.negativeLogLikelihood / Double(p.tokens) : 0 }
        let ofHeard = try topic(hearing, "answering what is heard")
        let ofRead = try topic(
            utterances.map { try model.prompt(reading: $0.text) }, "answering what is read")
        // Where nothing was repeated there is nothing to ask, and no answer.
        let ofRepeated = try topic(
            repeated.map { $0.isEmpty ? nil : try model.prompt(reading: $0) }, "answering what was repeated")
        func marks(_ answers: [TopicAnswer]) -> [Double] { answers.map { $0.isOnTopic ? 1 : 0 } }
        return ContentFigures(
            ranks: TranscriptRankFigures(ranks), repeated: WordErrorFigures(errors),
            topicHeard: TopicShare(ofHeard.map(\.isOnTopic)), topicRead: TopicShare(ofRead.map(\.isOnTopic)),
            topicReferences: judge.control(texts), topicRepeated: TopicShare(ofRepeated.map(\.isOnTopic)),
            topicDifference: Statistics.pairedDifference(
                marks(ofHeard), marks(ofRead), groups: utterances.map(\.textGroup))?.estimate,
            echoesHeard: TopicShare(ofHeard.map(\.isEcho)), echoesRead: TopicShare(ofRead.map(\.isEcho)),
            heard: mean(heard), read: mean(read), answers: answers,
            clips: utterances.indices.map {
                ContentClip(
                    id: utterances[$0].id, text: utterances[$0].text, rank: ranks[$0].rank, repeated: repeated[$0],
                    heard: ofHeard[$0], read: ofRead[$0], readAsRepeated: ofRepeated[$0])
            })
    }
}
