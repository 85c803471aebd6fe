import Corpora
import MLX

/// Analysis 3: how much closer states of one intent are than states of opposite intents: Delta = C - C'.
///
/// C_k = mean cosine over m < n within I_k; C'_k = mean over all pairs of I_k and I'_k; C, C' means over the K pairs.
public enum IntentCosineDifference {
    public static func run(_ states: [(Utterance, ClipStates)], _ options: AnalysisOptions) throws -> Analysis {
        let clips = states.filter { $0.0.intent != nil }
        let names = Set(clips.compactMap { $0.0.intent })
        var members: [String: [Int]] = [:]
        for (i, clip) in clips.enumerated() { members[clip.0.intent ?? "", default: []].append(i) }
        let wanted = options.oppositePairs ?? OppositePairs.find(in: names)
        guard wanted.allSatisfy({ $0.count == 2 }) else {
            throw LayerAnalysisError(
                "opposite pairs: expected two intents each, found \(wanted.first { $0.count != 2 } ?? [])")
        }
        let pairs = wanted.compactMap { pair -> (a: [Int], b: [Int])? in
            guard let a = members[pair[0]], let b = members[pair[1]], a.count > 1 else { return nil }
            return (a, b)
        }
        guard !pairs.isEmpty else {
            return Analysis(
                .intentCosineDifference,
                absent: clips.isEmpty
                    ? "the corpus has no clips with an intent"
                    : "no two intents of the corpus are opposites of each other")
        }
        // The control: within a pair, whole texts change sides at random.
        let texts = HeldOut.texts.groups(clips.map(\.0))
        let shuffled = pairs.enumerated().map { k, pair in
            let both = pair.a + pair.b
            var random = generator(options.seed, "opposites", k)
            let labels = shuffledLabels(
                both.indices.map { $0 < pair.a.count ? 0 : 1 }, groups: both.map { texts[$0] }, random: &random)
            return (
                a: both.indices.filter { labels[$0] == 0 }.map { both[$0] },
                b: both.indices.filter { labels[$0] == 1 }.map { both[$0] }
            )
        }
        let pooled = clips.map(\.1.pooled)
        let layers = pooled.first?.count ?? 0
        let figures = try parallelMap(layers) { layer -> (within: [Double], across: [Double], control: Double?) in
            let units = pooled.map { Cosine.unit($0[layer]) }
            let within = pairs.map { pair in Cosine.within(pair.a.map { units[$0] }) }
            let across = pairs.map { pair in Cosine.across(pair.a.map { units[$0] }, pair.b.map { units[$0] }) }
            let deltas = shuffled.filter { $0.a.count > 1 && !$0.b.isEmpty }.map { pair in
                Cosine.within(pair.a.map { units[$0] })
                    - Cosine.across(pair.a.map { units[$0] }, pair.b.map { units[$0] })
            }
            return (within, across, deltas.isEmpty ? nil : mean(deltas))
        }
        func curve(
            _ name: String, control: Bool, reach: Double = 1, _ values: @escaping (Int) -> [Double]
        ) -> Curve {
            let layerValues = (0..<layers).map { layer in
                let v = values(layer)
                let bounds = Interval.ofMean(v, reach: reach, options, part: "pairs")
                return LayerValue(
                    layer: layer, value: mean(v), low: bounds.low, high: bounds.high,
                    control: control ? figures[layer].control : nil)
            }
            let used = Set(pairs.flatMap { $0.a + $0.b }).count
            return Curve(name: name, data: CurveData(n: used, groups: pairs.count, unit: "pairs"), layers: layerValues)
        }
        return Analysis(
            .intentCosineDifference,
            curves: [
                curve("delta", control: true, reach: 2) { layer in
                    zip(figures[layer].within, figures[layer].across).map { $0 - $1 }
                },
                curve("within", control: false) { figures[$0].within },
                curve("across", control: false) { figures[$0].across },
            ])
    }
}

func mean(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count) }
