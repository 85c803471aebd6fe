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
        let clips = source.corpus.utterances.filter { clip in
            split.includes(clip.split) && Category.allCases.contains { Self.label(clip, $0) != nil }
        }
        try source.warm(clips)
        let readings = try ClassificationHeads.readings(
            of: URL(fileURLWithPath: adapter, isDirectory: true),
            clips.map { try source.model.prompt(hearing: source.features($0)) }, model: source.model,
            shouldStop: { Interrupt.requested })
        guard let readings, !readings.isEmpty else {
            throw EvaluationError(
                "no answer of heads: \(adapter) was trained without them, or \(corpus) has no clip of the split \(split.rawValue) "
                    + "with a label of age, gender or emotion")
        }
        var found: [String: HeadAccuracy] = [:]
        for category in Category.allCases {
            let own = zip(clips, readings).compactMap { clip, read in
                Self.label(clip, category).map { (isRight: read.attributes[category] == $0, speaker: clip.speaker) }
            }
            found[category.rawValue] = HeadAccuracy(
                own.map(\.isRight), groups: own.map(\.speaker), values: category.attributes.count)
        }
        try write(prettyJSON(found))
        if json { return }
        print(Self.line(found))
    }

    private static func label(_ clip: Utterance, _ category: Corpora.Category) -> Int? {
        clip.value(of: category).flatMap { category.attributes.firstIndex(of: $0) }
    }

    /// Accuracy by head on clips with responses, texts drawn together; nil where the run has none.
    static func heads(
        of run: URL, _ source: FeatureSource, _ utterances: [Utterance]
    ) throws -> [String: HeadAccuracy]? {
        let examples = try utterances.map { try Example($0, features: source.features($0), model: source.model) }
        guard
            let answers = try ClassificationHeads.answers(
                of: run, to: examples, model: source.model, shouldStop: { Interrupt.requested })
        else { return nil }
        let all = Array(zip(answers, utterances.map(\.textGroup)))
        var found: [String: HeadAccuracy] = [:]
        found["category"] = HeadAccuracy(
            all.map(\.0.isCategoryRight), groups: all.map(\.1), values: Category.allCases.count)
        for category in Category.allCases {
            let own = all.filter { $0.0.category == category }
            found[category.rawValue] = HeadAccuracy(
                own.map(\.0.isAttributeRight), groups: own.map(\.1), values: category.attributes.count)
        }
        return found
    }
}
