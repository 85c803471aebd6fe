import Corpora

/// A probe of any label of the speaker's voice, speakers held out, on the encoder's and the decoder's layers.
public struct VoiceProbe: Codable, Sendable, Equatable {
    public var name: String
    /// Key of `Utterance.voice`.
    public var key: String
    /// The values to tell apart; nil: all that occur.
    public var values: [String]?

    public init(name: String, key: String, values: [String]? = nil) {
        self.name = name
        self.key = key
        self.values = values
    }

    public static let defaults = [
        VoiceProbe(name: "gender", key: "gender"),
        VoiceProbe(name: "emotion4", key: "emotion", values: ["neutral", "happy", "sad", "angry"]),
    ]

    /// Whose layers.
    public enum Part: String, Codable, Sendable { case encoder, decoder }

    /// nil where the corpus cannot answer: fewer than two values, fewer than two speakers a value or no states.
    public func run(_ part: Part, _ states: [(Utterance, ClipStates)], _ options: AnalysisOptions) throws -> Curve? {
        let labelled = states.compactMap { item -> (Utterance, [[Float]], String)? in
            guard let value = item.0.voice?[key], values?.contains(value) ?? true else { return nil }
            return (item.0, part == .encoder ? item.1.encoder : item.1.pooled, value)
        }
        let classes = Set(labelled.map(\.2)).sorted()
        let utterances = labelled.map(\.0)
        let speakers = Set(utterances.map(\.speaker)).count
        let layers = labelled.first?.1.count ?? 0
        guard classes.count > 1, layers > 0, speakers >= 2 else { return nil }
        for value in classes {
            // A value of one speaker is never in both train and test.
            let voices = Set(labelled.filter { $0.2 == value }.map(\.0.speaker))
            guard voices.count > 1 else { return nil }
        }
        let labels = labelled.map { classes.firstIndex(of: $0.2) ?? 0 }
        let groups = HeldOut.speakers.groups(utterances)
        let count = min(options.voiceFolds, speakers)
        let folds = try GroupedFolds(groups: groups, labels: labels, count: count, seed: options.seed)
        let probe = Probe(
            classifier: LogisticRegression(c: options.voiceC), controls: options.controls, seed: options.seed)
        let splits = probe.splits(folds, labels: labels, perClass: nil)
        let rows = labelled.map(\.1)
        let result = try probe.run(
            layers: layers, labels: labels, groups: groups, classCount: classes.count, splits: splits
        ) { rows[$1][$0] }
        return Curve(
            name: name,
            data: CurveData(
                n: labels.count, groups: speakers, unit: "speakers", resamples: count,
                trainClips: splits.reduce(0) { $0 + $1.train.count } / splits.count, classes: classes),
            layers: result)
    }
}
