import AudioLanguageModels
import Corpora
import Foundation
import MLX

/// Lets a model answer clips, greedily.
public struct Responder {
    public let model: any AudioLanguageModel
    public var maximumTokens: Int
    public var batchSize: Int
    /// - Parameter batchSize: nil: 64, or as many as have room in a gigabyte of keys and values of 512 positions.
    public init(model: any AudioLanguageModel, maximumTokens: Int = 40, batchSize: Int? = nil) {
        self.model = model
        self.maximumTokens = maximumTokens
        let c = model.decoder.config, row = 512 * 2 * 4 * c.layers * c.keyValueHeads * c.headDimension
        self.batchSize = batchSize ?? max(1, min(64, (1 << 30) / max(1, row)))
    }

    /// The answer to each clip, in the order given.
    public func answer(
        _ utterances: [Utterance], features: (Utterance) throws -> AudioFeatures,
        progress: (Int, Int) -> Void = { _, _ in }, shouldStop: () -> Bool = { false }
    ) throws -> [Awareness.Answer] {
        let prompts = try utterances.map { try model.prompt(hearing: features($0)) }
        let answers = try answers(to: prompts, progress: progress, shouldStop: shouldStop)
        return zip(utterances, answers).map { Awareness.Answer(utterance: $0, response: $1) }
    }

    /// The answer to each prompt, in the order given.
    func answers(
        to prompts: [Prompt], progress: (Int, Int) -> Void = { _, _ in }, shouldStop: () -> Bool = { false }
    ) throws -> [String] {
        try model.generate(
            prompts, maximumTokens: maximumTokens, batch: batchSize, progress: progress, shouldStop: shouldStop
        ).map { model.tokenizer.decode($0).trimmingCharacters(in: .whitespacesAndNewlines) }
    }

    /// Perplexity of plain text, which says whether the LLM as such was harmed. Each text is read by itself.
    public func perplexity(of texts: [String], shouldStop: () -> Bool = { false }) throws -> Perplexity {
        var total = Perplexity()
        for text in texts {
            if shouldStop() { throw CancellationError() }
            let ids = Array(model.tokenizer.encode(text).prefix(512))
            guard ids.count > 1 else { continue }
            let first = Prompt(
                inputIDs: [ids[0]], audioMask: [false], embeddings: model.answerEmbeddings(MLXArray([ids[0]])))
            let (sum, count) = try model.logLikelihoods([(first, Array(ids.dropFirst()))])[0]
            try total.add(negativeLogLikelihood: -Double(sum), tokens: count)
        }
        return total
    }
}
