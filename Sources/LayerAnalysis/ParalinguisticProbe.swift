import Corpora

/// Analysis 1: can a linear classifier read age, gender or emotion at a layer? Texts (or speakers) held out.
public enum ParalinguisticProbe {
    public static func run(_ states: [(Utterance, ClipStates)], _ options: AnalysisOptions) throws -> Analysis {
        var curves: [Curve] = []
        var reasons: [String] = []
        for category in Category.allCases {
            do {
                if let curve = try curve(category, states, options) { curves.append(curve) }
            } catch let error as LayerAnalysisError {
                reasons.append("\(category.rawValue): \(error.description)")
            }
        }
        if curves.isEmpty {
            return Analysis(
                .paralinguisticProbe,
                absent: reasons.isEmpty
                    ? "the corpus has no clips with a category and attribute" : reasons.joined(separator: "; "))
        }
        return Analysis(.paralinguisticProbe, curves: curves)
    }

    /// The same question about what enters the decoder, voices held out: whether there is something to resurface. One
    /// curve of one point a category; those that the corpus has too few voices for are left out.
    static func atInput(_ states: [(Utterance, ClipStates)], _ options: AnalysisOptions) throws -> [Curve] {
        var settings = options
        settings.heldOut = .speakers
        settings.paralinguisticResamples = options.voiceFolds
        settings.c = options.voiceC
        let inputs = states.filter { !$0.1.input.isEmpty }.map { utterance, clip in
            (utterance, ClipStates(pooled: [clip.input], encoder: [], lens: [], lensRaw: [], top: clip.top))
        }
        return try Category.allCases.compactMap { category in
            do { return try curve(category, inputs, settings) } catch is LayerAnalysisError { return nil }
        }
    }

    private static func curve(
        _ category: Category, _ states: [(Utterance, ClipStates)], _ options: AnalysisOptions
    ) throws -> Curve? {
        let clips = states.filter { $0.0.category == category && $0.0.attribute != nil }
        let present = Set(clips.compactMap { $0.0.attribute })
        let classes = category.attributes.filter(present.contains) + present.subtracting(category.attributes).sorted()
        guard classes.count > 1 else { return nil }
        let utterances = clips.map(\.0)
        let labels = utterances.map { classes.firstIndex(of: $0.attribute ?? "") ?? 0 }
        let groups = options.heldOut.groups(utterances)
        let folds = try GroupedFolds(
            groups: groups, labels: labels, count: options.paralinguisticResamples, seed: options.seed)
        let probe = Probe(
            classifier: LogisticRegression(c: options.c), controls: options.controls, seed: options.seed)
        let splits = probe.splits(folds, labels: labels, perClass: options.trainPerValue)
        let pooled = clips.map(\.1.pooled)
        let values = try probe.run(
            layers: pooled.first?.count ?? 0, labels: labels, groups: groups, classCount: classes.count, splits: splits
        ) { pooled[$1][$0] }
        let train = splits.reduce(0) { $0 + $1.train.count } / max(splits.count, 1)
        return Curve(
            name: category.rawValue,
            data: CurveData(
                n: clips.count, groups: Set(groups).count, unit: options.heldOut.rawValue, resamples: splits.count,
                trainClips: train, classes: classes),
            layers: values)
    }
}
