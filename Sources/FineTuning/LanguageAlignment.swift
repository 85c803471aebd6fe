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

    /// The clips that a run learns from: training clips, `count` of them at most, drawn by the seed.
    public static func clips(of corpus: Corpus, count: Int, seed: UInt64) -> [Utterance] {
        var all = corpus.utterances.filter { $0.split == .train }
        var generator = SeededGenerator(seed: seed)
        generator.shuffle(&all)
        return Array(all.prefix(count)).sorted { $0.id < $1.id }
    }

    /// Examples of both tasks, in the order of the clips.
    /// - Parameters:
    ///   - transcribing: whether clips are to be repeated.
    ///   - answers: by text, what is to be answered to it (`answers`); clips of other texts are not answered.
    public static func examples(
        _ clips: [Utterance], transcribing: Bool, answers: [String: [Int32]], model: any AudioLanguageModel,
        features: (Utterance) throws -> AudioFeatures
    ) throws -> [Example] {
        var examples: [Example] = []
        for clip in clips {
            let heard = try features(clip)
            if transcribing {
                examples.append(
                    Example(
                        id: clip.id + " repeat", prompt: try model.prompt(repeating: heard),
                        answer: model.answerTokens(clip.text)))
            }
            if let answer = answers[clip.text], !answer.isEmpty {
                examples.append(
                    Example(id: clip.id + " answer", prompt: try model.prompt(hearing: heard), answer: answer))
            }
        }
        return examples
    }
}
