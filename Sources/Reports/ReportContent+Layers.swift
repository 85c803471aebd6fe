import LayerAnalysis

extension ReportContent {
    /// Curves, bands and votes of layers.json.
    public init(layers report: LayersReport, title: String, lead: String) {
        self.init(title: title, lead: lead)
        add(layers: report)
    }

    /// Adds curves, bands, votes and warnings of layers.json.
    public mutating func add(layers report: LayersReport) {
        for analysis in report.analyses where !analysis.curves.isEmpty {
            let (title, axis, share) = Self.titles[analysis.name] ?? (analysis.name.rawValue, "value", false)
            charts.append(
                Chart(
                    title: title, note: Self.note(analysis.curves), scale: share ? .share : .plain, yLabel: axis,
                    series: analysis.curves.map(Self.series)))
        }
        for (curves, name, axis) in [
            (report.encoder, "Voice, encoder layers, speakers held out", "encoder stage"),
            (report.decoder, "Voice, decoder layers, speakers held out", "decoder layer"),
        ] where !curves.isEmpty {
            charts.append(
                Chart(
                    title: name, note: Self.note(curves), xLabel: axis, series: curves.map(Self.series),
                    showsBands: axis == "decoder layer"))
        }
        warnings += report.warnings
        for analysis in report.analyses {
            if let reason = analysis.absent { warnings.append("\(analysis.name.rawValue) was not run: \(reason)") }
        }
        let choice = report.choice
        for (kind, band) in [
            (Band.Kind.paralinguistic, choice.paralinguistic), (.semantic, choice.semantic),
            (.generation, choice.generation), (.tuned, choice.tunedRange),
        ] {
            if let band { bands.append(Band(kind, first: band.first, last: band.last)) }
        }
        votes += choice.votes.map {
            Vote(
                question: $0.boundary.rawValue, analysis: $0.from, layer: $0.layer.map(String.init) ?? "none",
                reason: $0.reason)
        }
        facts += [
            Fact(
                "Tuned range",
                "layers \(report.tunedRange.lowerBound)-\(report.tunedRange.upperBound) of \(report.layers)"),
            Fact(
                "Chosen by",
                choice.source == .votes ? "votes of the curves" : "a fraction of the depth: no clear change points"),
            Fact("Clips analysed", "\(report.clips)"),
        ]
    }

    private static let titles: [Analysis.Name: (String, String, Bool)] = [
        .paralinguisticProbe: ("1 Paralinguistic probe", "accuracy", true),
        .intentProbe: ("2 Intent probe", "accuracy", true),
        .intentCosineDifference: ("3 Intent cosine difference", "cosine", false),
        .declaredAgeCosine: ("4 Declared-age cosine", "cosine", false),
        .logitLens: ("5 Logit lens", "top-3 holds the final top-1", true),
    ]

    private static func series(_ curve: Curve) -> Series {
        Series(
            name: curve.name,
            points: curve.layers.map {
                Point(
                    layer: $0.layer, value: $0.value, low: $0.low, high: $0.high, chance: $0.chance, control: $0.control
                )
            })
    }

    private static func note(_ curves: [Curve]) -> String {
        curves.map { "\($0.name): N \($0.data.n) in \($0.data.groups) \($0.data.unit)" }.joined(separator: "; ")
    }
}
