import Corpora
import Foundation

/// The five analyses and the layer choice over one corpus of states.
public enum LayerAnalysis {
    /// What the states belong to.
    public struct Source: Sendable {
        public var model: String
        public var modelHash: String
        public var corpus: String
        public init(model: String, modelHash: String, corpus: String) {
            self.model = model
            self.modelHash = modelHash
            self.corpus = corpus
        }
    }

    /// Runs each analysis that the corpus has data for and records the others with the reason.
    /// - Parameters:
    ///   - progress: share done and what comes next; called from the caller's thread.
    ///   - shouldStop: asked between analyses; true throws `CancellationError`.
    public static func run(
        states: [(Utterance, ClipStates)], source: Source, options: AnalysisOptions = AnalysisOptions(),
        progress: (Double, String) -> Void = { _, _ in }, shouldStop: () -> Bool = { false }
    ) throws -> LayersReport {
        guard let first = states.first?.1, let width = first.pooled.first?.count, width > 0 else {
            throw LayerAnalysisError("analysis: no states of any clip, expected at least one clip of the corpus")
        }
        for (utterance, clip) in states { try ClipStateStore.check(utterance, clip, against: first) }
        try options.check()

        let steps: [(Analysis.Name, ([(Utterance, ClipStates)], AnalysisOptions) throws -> Analysis)] = [
            (.paralinguisticProbe, ParalinguisticProbe.run), (.intentProbe, IntentProbe.run),
            (.intentCosineDifference, IntentCosineDifference.run), (.declaredAgeCosine, DeclaredAgeCosine.run),
            (.logitLens, LogitLens.run),
        ]
        let total = Double(steps.count + 2 * options.voiceProbes.count + 1)
        var done = 0.0
        func begin(_ what: String) throws {
            if shouldStop() { throw CancellationError() }
            progress(done / total, what)
            done += 1
        }
        var analyses: [Analysis] = []
        for (name, step) in steps {
            try begin(name.rawValue)
            analyses.append(try step(states, options))
        }
        var encoder: [Curve] = [], decoder: [Curve] = []
        for probe in options.voiceProbes {
            try begin("encoder layers, \(probe.name)")
            if let curve = try probe.run(.encoder, states, options) { encoder.append(curve) }
            try begin("decoder layers, \(probe.name)")
            if let curve = try probe.run(.decoder, states, options) { decoder.append(curve) }
        }
        try begin("decoder input")
        let input = try ParalinguisticProbe.atInput(states, options)
        let choice = try LayerChoice.choose(analyses, layers: first.pooled.count, seed: options.seed)
        progress(1, "done")
        return LayersReport(
            model: source.model, modelHash: source.modelHash, corpus: source.corpus, options: options,
            layers: first.pooled.count, width: width, clips: states.count, analyses: analyses, input: input,
            encoder: encoder, decoder: decoder, choice: choice)
    }
}

extension AnalysisOptions {
    /// - Throws: ``LayerAnalysisError`` naming the setting that is out of range.
    public func check() throws {
        func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
            guard range.contains(value) else {
                throw LayerAnalysisError(
                    "option \(name) is \(value), expected \(range.lowerBound) to \(range.upperBound)")
            }
        }
        try check("trainPerValue", trainPerValue, 1...1_000_000)
        try check("paralinguisticResamples", paralinguisticResamples, 2...100)
        if let trainPerClass { try check("trainPerClass", trainPerClass, 1...1_000_000) }
        try check("intentResamples", intentResamples, 1...100)
        try check("voiceFolds", voiceFolds, 2...100)
        try check("controls", controls, 0...100)
        try check("bootstrapDraws", bootstrapDraws, 1...100_000)
        for (name, value) in [("c", c), ("voiceC", voiceC)] where !(value > 0 && value.isFinite) {
            throw LayerAnalysisError("option \(name) is \(value), expected a positive number")
        }
    }
}
