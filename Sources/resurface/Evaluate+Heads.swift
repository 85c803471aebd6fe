import ArgumentParser
import AudioLanguageModels
import Corpora
import Evaluation
import FineTuning
import Foundation

extension Evaluate {
    /// What the heads of a run say of clips that need no responses: recordings of real speech, whose speakers are the unit of the
    /// intervals. A clip counts for each category that its labels know.
    func heads(_ source: FeatureSource) throws {
        guard let adapter else {
            throw ValidationError("--suite heads needs --adapter, a run that was trained with heads")
        }
        let run = URL(fileURLWithPath: adapter, isDirectory: true)
        let clips = source.corpus.utterances.filter { split == .all || $0.split.rawValue == split.rawValue }
        try source.warm(clips)
        var examples: [Example] = [], speakers: [String] = []
        for clip in clips {
            let labels = Category.allCases.compactMap { category -> (category: Category, attribute: Int)? in
                let value = clip.category == category ? clip.attribute : clip.voice?[category.rawValue]
                return value.flatMap { category.attributes.firstIndex(of: $0) }.map { (category, $0) }
            }
            guard !labels.isEmpty else { continue }
            let prompt = try source.model.prompt(hearing: source.features(clip))
            for label in labels {
                examples.append(Example(id: clip.id, prompt: prompt, answer: [], label: label))
                speakers.append(clip.speaker)
            }
        }
        guard var found = try Self.heads(of: run, examples, source.model, groups: { speakers[$0] }) else {
            throw EvaluationError(
                "no answer of heads: \(adapter) was trained without them, or \(corpus) has no clip of the split \(split.rawValue) "
                    + "with a label of age, gender or emotion")
        }
        // A clip that counts for three categories has no right one.
        found["category"] = nil
        if json { return try printJSON(found) }
        print(Self.line(found))
    }

    /// Accuracy by head; nil where the run has none, or there are no examples.
    /// - Parameter groups: the text or speaker of the example of an index.
    static func heads(
        of run: URL, _ examples: [Example], _ model: any AudioLanguageModel, groups: (Int) -> String
    ) throws -> [String: HeadAccuracy]? {
        guard let answers = try ClassificationHeads.answers(of: run, to: examples, model: model), !answers.isEmpty
        else {
            return nil
        }
        var found: [String: HeadAccuracy] = [:]
        let all = Array(answers.enumerated())
        found["category"] = HeadAccuracy(
            all.map(\.element.isCategoryRight), groups: all.map { groups($0.offset) }, values: Category.allCases.count)
        for category in Category.allCases {
            let own = all.filter { $0.element.category == category }
            found[category.rawValue] = HeadAccuracy(
                own.map(\.element.isAttributeRight), groups: own.map { groups($0.offset) },
                values: category.attributes.count)
        }
        return found
    }
}
