import Corpora

/// Analysis 2: can a linear classifier read the intent at a layer, on texts that the train split does not contain?
public enum IntentProbe {
    public static func run(_ states: [(Utterance, ClipStates)], _ options: AnalysisOptions) throws -> Analysis {
        let clips = states.filter { $0.0.intent != nil }
        guard !clips.isEmpty else { return Analysis(.intentProbe, absent: "the corpus has no clips with an intent") }
        let utterances = clips.map(\.0)
        let pool = utterances.indices.filter { utterances[$0].split == .train }
        let trained = Set(pool.map { utterances[$0].textGroup })
        let classes = Set(pool.compactMap { utterances[$0].intent }).sorted()
        guard classes.count > 1 else {
            return Analysis(.intentProbe, absent: "the train split has \(classes.count) intents, at least 2 are needed")
        }
        let labels = utterances.map { classes.firstIndex(of: $0.intent ?? "") ?? -1 }
        let test = utterances.indices.filter {
            utterances[$0].split != .train && labels[$0] >= 0 && !trained.contains(utterances[$0].textGroup)
        }
        guard !test.isEmpty else {
            return Analysis(
                .intentProbe, absent: "no clip outside the train split has a text that the train split does not contain"
            )
        }
        let probe = Probe(classifier: LogisticRegression(c: options.c), controls: options.controls, seed: options.seed)
        // With the whole train split every resample would be the same.
        let resamples = options.trainPerClass == nil ? 1 : max(options.intentResamples, 1)
        let splits = (0..<resamples).map { r in
            var random = generator(options.seed, "intent", r)
            return Probe.Split(
                train: probe.draw(pool, labels: labels, perClass: options.trainPerClass, &random), test: test)
        }
        // Only clips of the known intents: unknown labels (-1) are in no split.
        let known = labels.map { max($0, 0) }
        let used = Set(pool + test)
        // Clips outside the splits keep to themselves when labels are shuffled over texts.
        let groups = HeldOut.texts.groups(utterances)
        let pooled = clips.map(\.1.pooled)
        let map = used.sorted()
        let place = Dictionary(uniqueKeysWithValues: map.enumerated().map { ($1, $0) })
        let compact = splits.map { s in
            Probe.Split(train: s.train.compactMap { place[$0] }, test: s.test.compactMap { place[$0] })
        }
        let values = try probe.run(
            layers: pooled.first?.count ?? 0, labels: map.map { known[$0] }, groups: map.map { groups[$0] },
            classCount: classes.count, splits: compact
        ) { pooled[map[$1]][$0] }
        let texts = Set(test.map { utterances[$0].textGroup }).count
        return Analysis(
            .intentProbe,
            curves: [
                Curve(
                    name: "intent",
                    data: CurveData(
                        n: test.count, groups: texts, unit: "texts", resamples: resamples,
                        trainClips: splits.reduce(0) { $0 + $1.train.count } / splits.count, classes: classes,
                        note: "tested on texts that the train split does not contain"),
                    layers: values)
            ])
    }
}
