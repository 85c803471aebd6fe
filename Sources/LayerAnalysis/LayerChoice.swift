/// The layers to tune, chosen by votes of the five curves (METHOD, section 2): every vote is kept beside the result.
public struct LayerChoice: Codable, Sendable, Equatable {
    /// What one curve says about one boundary.
    public struct Vote: Codable, Sendable, Equatable {
        public enum Boundary: String, Codable, Sendable {
            /// First layer of the semantic band: where the voice fades and the words set in.
            case semanticStart
            /// Last layer of the semantic band.
            case semanticEnd
            /// First layer that prepares the response's tokens.
            case generationStart
        }
        public var boundary: Boundary
        /// The analysis and curve that votes.
        public var from: String
        /// nil: no change point in this curve.
        public var layer: Int?
        public var reason: String

        public init(boundary: Boundary, from: String, layer: Int?, reason: String) {
            self.boundary = boundary
            self.from = from
            self.layer = layer
            self.reason = reason
        }
    }

    /// Inclusive layer numbers.
    public struct Band: Codable, Sendable, Equatable {
        public var first: Int
        public var last: Int
        public init(first: Int, last: Int) {
            self.first = first
            self.last = last
        }
        public var range: ClosedRange<Int> { first...max(first, last) }
    }

    /// Where the tuned range comes from.
    public enum Source: String, Codable, Sendable { case votes, fractionOfDepth }

    public var votes: [Vote]
    public var paralinguistic: Band?
    public var semantic: Band?
    public var generation: Band?
    public var tunedRange: Band
    public var source: Source
    /// Share of the possible votes for start and end that lie within one layer of the chosen ones.
    public var confidence: Double
    public var warnings: [String]

    public init(
        votes: [Vote], paralinguistic: Band?, semantic: Band?, generation: Band?, tunedRange: Band, source: Source,
        confidence: Double, warnings: [String]
    ) {
        self.votes = votes
        self.paralinguistic = paralinguistic
        self.semantic = semantic
        self.generation = generation
        self.tunedRange = tunedRange
        self.source = source
        self.confidence = confidence
        self.warnings = warnings
    }

    /// The paper's 0-14 of 28 layers as a share of another depth.
    public static func fallbackLast(layers: Int) -> Int {
        max(0, min(layers - 1, Int((Double(layers) * 15 / 28).rounded()) - 1))
    }

    /// - Parameter layers: decoder layers of the model; every curve has a value for each.
    public static func choose(_ analyses: [Analysis], layers: Int, seed: UInt64 = 0) throws -> LayerChoice {
        guard layers > 0 else { throw LayerAnalysisError("layer choice: the model has no decoder layers") }
        for curve in analyses.flatMap(\.curves) where curve.layers.count != layers {
            throw LayerAnalysisError(
                "layer choice: curve \(curve.name) has \(curve.layers.count) layers, expected \(layers) as the model")
        }
        var choice = LayerChoice(
            votes: [], paralinguistic: nil, semantic: nil, generation: nil,
            tunedRange: Band(first: 0, last: fallbackLast(layers: layers)), source: .fractionOfDepth, confidence: 0,
            warnings: [])
        choice.voteForStart(analyses, seed)
        let start = choice.settleStart()
        choice.voteForEnd(analyses, start ?? 0, seed)
        choice.settleEnd(start: start, layers: layers)
        return choice
    }

    private mutating func voteForStart(_ analyses: [Analysis], _ seed: UInt64) {
        func vote(_ name: Analysis.Name, _ curve: String?, _ direction: ChangePoint.Direction, _ what: String) {
            guard let found = Self.curve(analyses, name, curve) else { return }
            let from = curve.map { "\(name.rawValue).\($0)" } ?? name.rawValue
            guard
                let change = ChangePoint.find(found.values, noise: found.noise, direction: direction, seed: seed)
            else {
                votes.append(
                    Vote(
                        boundary: .semanticStart, from: from, layer: nil,
                        reason: "\(what): no change point, flat or gradual"))
                return
            }
            // A step between two levels that shuffled labels reach as well says nothing of the layers.
            let high = direction == .up ? change.layer..<found.layers.count : 0..<change.layer
            let isReal = found.isAboveControl(high)
            let means = "mean \(text(change.before)) before, \(text(change.after)) after"
            votes.append(
                Vote(
                    boundary: .semanticStart, from: from, layer: isReal ? change.layer : nil,
                    reason: "\(what) at layer \(change.layer): \(means)"
                        + (isReal ? "" : "; no vote, since the higher level is not above shuffled labels")))
        }
        vote(.paralinguisticProbe, nil, .down, "the voice becomes harder to read")
        vote(.intentProbe, "intent", .up, "the intent becomes readable")
        vote(.intentCosineDifference, "delta", .up, "opposite intents move apart")
        vote(.declaredAgeCosine, "across", .down, "declared ages move apart")
    }

    private mutating func voteForEnd(_ analyses: [Analysis], _ start: Int, _ seed: UInt64) {
        if let intent = Self.curve(analyses, .intentProbe, "intent") {
            let decline = ChangePoint.sustainedDecline(intent.values, noise: intent.noise, from: start, seed: seed)
            let end = decline.flatMap { $0 > start && intent.isAboveControl(start..<$0) ? $0 - 1 : nil }
            votes.append(
                Vote(
                    boundary: .semanticEnd, from: "intentProbe.intent", layer: end,
                    reason: end.map { "last layer before the intent's sustained decline from layer \($0 + 1)" }
                        ?? "no sustained decline of the intent"))
        }
        if let across = Self.curve(analyses, .declaredAgeCosine, "across") {
            let values = across.values
            let lowest = values.indices.min { (values[$0], $0) < (values[$1], $1) } ?? 0
            // A minimum is a turn only if the curve falls into it and rises out of it by more than its noise.
            let turns =
                lowest > start && (values[..<lowest].max() ?? 0) - values[lowest] > across.noise
                && (values[lowest...].max() ?? 0) - values[lowest] > across.noise
            votes.append(
                Vote(
                    boundary: .semanticEnd, from: "declaredAgeCosine.across", layer: turns ? lowest : nil,
                    reason: turns
                        ? "declared ages lie farthest apart at layer \(lowest)"
                        : "no minimum that the curve rises from again"))
        }
        if let lens = Self.curve(analyses, .logitLens, "norm") {
            let rise = ChangePoint.sustainedRise(lens.values, noise: lens.noise, seed: seed)
            votes.append(
                Vote(
                    boundary: .generationStart, from: "logitLens.norm", layer: rise,
                    reason: rise.map { "from layer \($0) the response's first token shows" } ?? "no sustained rise"))
        }
    }

    /// The median of the votes for the start.
    private mutating func settleStart() -> Int? {
        let found = votes.filter { $0.boundary == .semanticStart }.compactMap(\.layer).sorted()
        guard !found.isEmpty else { return nil }
        if let low = found.first, let high = found.last, high - low > 1 {
            warn("the votes for the semantic start differ by \(high - low) layers: \(list(.semanticStart))")
        }
        if let voice = votes.first(where: { $0.from == Analysis.Name.paralinguisticProbe.rawValue })?.layer, voice > 0 {
            paralinguistic = Band(first: 0, last: voice - 1)
        }
        return found[(found.count - 1) / 2]
    }

    private mutating func settleEnd(start: Int?, layers: Int) {
        let ends = votes.filter { $0.boundary == .semanticEnd }.compactMap(\.layer)
        let rise = votes.first { $0.boundary == .generationStart }?.layer
        if let rise { generation = Band(first: rise, last: layers - 1) }
        if let low = ends.min(), let high = ends.max(), high - low > 1 {
            warn("the votes for the semantic end differ by \(high - low) layers: \(list(.semanticEnd))")
        }
        guard let start, var end = ends.first else {
            let missing = start == nil ? "where the semantic layers start" : "where the semantic layers end"
            warn(
                "no curve shows a change point for \(missing): tuned range 0-\(tunedRange.last) is 15/28 of \(layers) layers, "
                    + "a fraction of the depth and not a measurement")
            return
        }
        if !votes.contains(where: { $0.from == "intentProbe.intent" && $0.boundary == .semanticEnd && $0.layer != nil })
        {
            warn(
                "the intent curve shows no sustained decline: the semantic end rests on the declared-age minimum alone")
        }
        if let rise, end >= rise {
            warn(
                "the semantic end (layer \(end)) reaches into the generation layers (from \(rise)): cut at \(rise - 1)")
            end = rise - 1
        }
        guard end >= start else {
            warn(
                "the votes contradict each other (semantic start \(start), end \(end)): tuned range 0-\(tunedRange.last) is "
                    + "15/28 of \(layers) layers, a fraction of the depth and not a measurement")
            return
        }
        semantic = Band(first: start, last: end)
        tunedRange = Band(first: 0, last: end)
        source = .votes
        let near = votes.filter { vote in
            guard let layer = vote.layer else { return false }
            switch vote.boundary {
            case .semanticStart: return abs(layer - start) <= 1
            case .semanticEnd: return abs(layer - end) <= 1
            case .generationStart: return false
            }
        }
        // Four curves speak of the start, two of the end; a curve that is absent or flat lowers the confidence too.
        confidence = (Double(near.count) / 6 * 1000).rounded() / 1000
        if near.count <= 3 { warn("only \(near.count) of 6 possible votes support the choice") }
    }

    private mutating func warn(_ sentence: String) { warnings.append(sentence) }

    private func list(_ boundary: Vote.Boundary) -> String {
        votes.filter { $0.boundary == boundary }.compactMap { vote in vote.layer.map { "\(vote.from) \($0)" } }
            .joined(separator: ", ")
    }

    /// A curve by name; with nil the mean of the analysis's curves (the categories of analysis 1).
    private static func curve(_ analyses: [Analysis], _ name: Analysis.Name, _ curve: String?) -> Curve? {
        guard let analysis = analyses.first(where: { $0.name == name }) else { return nil }
        if let curve { return analysis.curve(curve) }
        guard let first = analysis.curves.first else { return nil }
        let layers = first.layers.indices.map { l in
            LayerValue(
                layer: l, value: mean(analysis.curves.map { $0.layers[l].value }),
                low: mean(analysis.curves.map { $0.layers[l].low }),
                high: mean(analysis.curves.map { $0.layers[l].high }),
                control: mean(analysis.curves.map { $0.layers[l].control ?? $0.layers[l].chance ?? 0 }))
        }
        return Curve(name: "mean", data: first.data, layers: layers)
    }
}

private func text(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
