import AudioLanguageModels
import Corpora
import Foundation
import MLX

/// The embedded model's language stage: with LoRA on all of its layers the LLM learns what to do with what the projector hands
/// over. Two tasks, each on plain speech of all voices, so that nothing is learnt of who speaks: to repeat what was said when it is
/// asked to, and to answer a query that is heard as it answers the same query read.
public enum LanguageAlignment {
    public enum Task: String, CaseIterable, Sendable {
        /// Clip and request; the answer is its text.
        case transcription
        /// Clip alone; the answer is what the model, not yet adapted, says to the text.
        case distillation
    }

    /// Tokens of an answer to be imitated; longer ones are cut, and their end is not learnt.
    static let answerTokens = 40

    /// The clips that a run learns from: training sentences, `count` of them at most, drawn by the seed.
    public static func clips(of corpus: Corpus, count: Int, seed: UInt64) -> [Utterance] {
        var all = corpus.utterances.filter { $0.split == .train && isSentence($0) }
        var generator = SeededGenerator(seed: seed)
        generator.shuffle(&all)
        return Array(all.prefix(count)).sorted { $0.id < $1.id }
    }

    /// Sequences of words without sense serve the projector alone.
    private static func isSentence(_ utterance: Utterance) -> Bool { !utterance.id.hasPrefix("words-") }

    /// Examples of both tasks, in the order of the clips.
    /// - Parameters:
    ///   - model: without an adapter: what it says to a text is what will be learnt.
    ///   - progress: clips done, clips in all.
    public static func examples(
        _ clips: [Utterance], tasks: Set<Task>, model: any AudioLanguageModel,
        features: (Utterance) throws -> AudioFeatures, progress: (Int, Int) -> Void = { _, _ in },
        shouldStop: () -> Bool = { false }
    ) throws -> [Example] {
        let answers =
            tasks.contains(.distillation) ? try self.answers(clips.map(\.text), model, progress, shouldStop) : [:]
        var examples: [Example] = []
        for clip in clips {
            let heard = try features(clip)
            if tasks.contains(.transcription) {
                examples.append(
                    Example(
                        id: clip.id + " repeat", prompt: try model.prompt([.asking(toRepeat: heard)]),
                        answer: model.answerTokens(clip.text)))
            }
            if let answer = answers[clip.text], !answer.isEmpty {
                examples.append(
                    Example(id: clip.id + " answer", prompt: try model.prompt(hearing: heard), answer: answer))
            }
        }
        return examples
    }

    /// What the model says to each text, once a text.
    private static func answers(
        _ texts: [String], _ model: any AudioLanguageModel, _ progress: (Int, Int) -> Void, _ shouldStop: () -> Bool
    ) throws -> [String: [Int32]] {
        let texts = Set(texts).sorted(), stop = model.answerTokens("").suffix(1)
        let said = try model.generate(
            texts.map { try model.prompt(reading: $0) }, maximumTokens: answerTokens, batch: 64, progress: progress,
            shouldStop: shouldStop)
        return Dictionary(
            uniqueKeysWithValues: zip(texts, said).map { ($0, $1.count < answerTokens ? $1 + stop : $1) })
    }
}
