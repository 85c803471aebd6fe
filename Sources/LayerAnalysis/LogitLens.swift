import Corpora

/// Analysis 5: does a layer's top three already hold the token that the model will say first?
public enum LogitLens {
    public static func run(_ states: [(Utterance, ClipStates)], _ options: AnalysisOptions) throws -> Analysis {
        let intents = states.filter { $0.0.intent != nil }
        let clips = (intents.isEmpty ? states : intents).filter { !$0.1.lens.isEmpty }
        guard !clips.isEmpty else { return Analysis(.logitLens, absent: "the model gave no logits of its layers") }
        let groups = HeldOut.texts.groups(clips.map(\.0))
        let note = intents.isEmpty ? "all clips, as the corpus has none with an intent" : "clips with an intent"
        func curve(_ name: String, _ top: (ClipStates) -> [[Int32]]) -> Curve {
            let lists = clips.map { top($0.1) }
            let values = (0..<(lists.map(\.count).min() ?? 0)).map { layer in
                let right = clips.indices.map { lists[$0][layer].prefix(3).contains(clips[$0].1.top) ? 1.0 : 0.0 }
                let found = Interval.clustered(
                    correct: right, tested: [Double](repeating: 1, count: right.count), groups: groups)
                return LayerValue(layer: layer, value: found.value, low: found.low, high: found.high)
            }
            return Curve(
                name: name, data: CurveData(n: clips.count, groups: Set(groups).count, unit: "texts", note: note),
                layers: values)
        }
        var curves = [curve("norm") { $0.lens }]
        if clips.allSatisfy({ !$0.1.lensRaw.isEmpty }) { curves.append(curve("raw") { $0.lensRaw }) }
        return Analysis(.logitLens, curves: curves)
    }
}
