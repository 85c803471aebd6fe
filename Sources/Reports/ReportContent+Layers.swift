import LayerAnalysis

extension ReportContent {
    /// Takes over what layers.json holds: the charts of the five analyses and of the voice probes, bands, votes, warnings.
    public mutating func add(_ report: LayersReport) {
        for analysis in report.analyses { charts += Self.charts(analysis) }
        for (curves, stack, isDecoder) in [(report.encoder, "encoder", false), (report.decoder, "decoder", true)]
        where !curves.isEmpty {
            charts.append(
                Self.chart(
                    "Voice probes on the \(stack)\u{2019}s layers", curves, yLabel: "accuracy",
                    xLabel: "\(stack) layer", showsBands: isDecoder))
        }
        if !report.input.isEmpty {
            tables.append(
                .init(
                    title: "Probes at the decoder\u{2019}s input",
                    note: "Whether the voice is there before the first layer: speakers held out, 95 % intervals.",
                    header: ["category", "accuracy", "interval", "chance", "shuffled", "clips", "speakers"],
                    rows: report.input.compactMap { curve in
                        guard let p = curve.layers.first else { return nil }
                        return [
                            curve.name, HTML.number(p.value, digits: 3),
                            "\(HTML.number(p.low, digits: 3)) to \(HTML.number(p.high, digits: 3))",
                            p.chance.map { HTML.number($0, digits: 3) } ?? "\u{2013}",
                            p.control.map { HTML.number($0, digits: 3) } ?? "\u{2013}", "\(curve.data.n)",
                            "\(curve.data.groups)",
                        ]
                    }))
        }
        let choice = report.choice
        let found: [(Band.Kind, LayerChoice.Band?)] = [
            (.paralinguistic, choice.paralinguistic), (.semantic, choice.semantic), (.generation, choice.generation),
            (.tuned, choice.tunedRange),
        ]
        bands += found.compactMap { kind, band in band.map { Band(kind, first: $0.first, last: $0.last) } }
        votes += choice.votes.map { vote in
            Vote(
                question: Self.question(vote.boundary), analysis: vote.from,
                layer: vote.layer.map(String.init) ?? "\u{2013}", reason: vote.reason)
        }
        votes.append(
            Vote(
                question: "Tuned range", analysis: choice.source == .votes ? "votes" : "fraction of the depth",
                layer: "\(choice.tunedRange.first)\u{2013}\(choice.tunedRange.last)",
                reason:
                    "Confidence \(HTML.number(choice.confidence, digits: 2)): the share of the possible votes for start "
                    + "and end within one layer of the choice."))
        warnings += choice.warnings
        for analysis in report.analyses {
            if let absent = analysis.absent { warnings.append("\(Self.title(analysis.name)) was not run: \(absent)") }
        }
    }

    private static func charts(_ analysis: Analysis) -> [Chart] {
        guard !analysis.curves.isEmpty else { return [] }
        let title = title(analysis.name)
        switch analysis.name {
        case .paralinguisticProbe, .intentProbe:
            return [chart(title, analysis.curves, yLabel: "accuracy")]
        case .logitLens:
            return [chart(title, analysis.curves, yLabel: "agreement")]
        case .intentCosineDifference:
            // The two cosines lie near 1 and would flatten their difference.
            let (delta, cosines) = analysis.curves.divided { $0.name == "delta" }
            return [
                chart(title, delta, scale: .plain, yLabel: "difference of cosines"),
                chart(title + ": the two cosines", cosines, scale: .plain, yLabel: "mean cosine"),
            ].filter { !$0.series.isEmpty }
        case .declaredAgeCosine:
            let (pairs, means) = analysis.curves.divided { $0.name.first?.isNumber == true }
            return [
                chart(title, means, scale: .plain, yLabel: "mean cosine"),
                chart(title + ": each pair of ages", pairs, scale: .plain, yLabel: "mean cosine"),
            ].filter { !$0.series.isEmpty }
        }
    }

    private static func chart(
        _ title: String, _ curves: [Curve], scale: Chart.Scale = .share, yLabel: String,
        xLabel: String = "decoder layer", showsBands: Bool = true
    ) -> Chart {
        let series = curves.map { curve in
            Series(
                name: curve.name,
                points: curve.layers.map {
                    Point(
                        layer: $0.layer, value: $0.value, low: $0.low, high: $0.high, chance: $0.chance,
                        control: $0.control)
                })
        }
        return Chart(
            title: title, note: note(curves), scale: scale, yLabel: yLabel, xLabel: xLabel, series: series,
            showsBands: showsBands)
    }

    /// Each curve's N; said once where all have the same.
    private static func note(_ curves: [Curve]) -> String {
        let notes = curves.map { curve -> String in
            let data = curve.data
            var text = "\(data.n) clips, \(data.groups) \(data.unit)"
            if data.resamples > 1 { text += ", \(data.resamples) resamples" }
            if let train = data.trainClips { text += ", trained on \(train)" }
            if let classes = data.classes { text += ", \(classes.count) classes" }
            if let note = data.note { text += " (\(note))" }
            return text + unevenness(curve)
        }
        guard let first = notes.first else { return "" }
        if notes.allSatisfy({ $0 == first }) { return first + "." }
        return zip(curves, notes).map { "\($0.name): \($1)" }.joined(separator: "; ") + "."
    }

    /// Where one class outweighs the others, accuracy is little above chance whatever is heard: the classes' mean recall, then.
    private static func unevenness(_ curve: Curve) -> String {
        guard let classes = curve.data.classes?.count, classes > 1, let chance = curve.layers.first?.chance,
            chance > 1.5 / Double(classes),
            let best = curve.layers.max(by: { ($0.recall ?? 0) < ($1.recall ?? 0) }), let recall = best.recall
        else { return "" }
        func percent(_ share: Double) -> String { HTML.number(share * 100, digits: 0) + " %" }
        return ", one of which is \(percent(chance)) of the clips, so that the mean recall of the classes tells more: "
            + "at best \(percent(recall)) (layer \(best.layer)), \(percent(1 / Double(classes))) by guessing"
    }

    private static func title(_ name: Analysis.Name) -> String {
        switch name {
        case .paralinguisticProbe: "1. Paralinguistic probe"
        case .intentProbe: "2. Intent probe"
        case .intentCosineDifference: "3. Opposite intents"
        case .declaredAgeCosine: "4. Declared ages"
        case .logitLens: "5. Logit lens"
        }
    }

    private static func question(_ boundary: LayerChoice.Vote.Boundary) -> String {
        switch boundary {
        case .semanticStart: "Semantic start"
        case .semanticEnd: "Semantic end"
        case .generationStart: "Generation start"
        }
    }
}

extension Array {
    /// Those for which it holds, and the others; both in order.
    fileprivate func divided(by holds: (Element) -> Bool) -> (held: [Element], others: [Element]) {
        (filter(holds), filter { !holds($0) })
    }
}
