import ArgumentParser
import AudioLanguageModels
import Checkpoints
import Corpora
import FineTuning
import Foundation
import LayerAnalysis
import Reports

/// `resurface analyze`: the five layer-wise analyses and the layer choice.
struct Analyze: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the five layer-wise analyses over a corpus and chooses the layers to tune.",
        discussion: """
            Example: resurface analyze --model smol --corpus corpora/demo --out runs/layers
            Writes layers.json (every curve with N, interval, chance and control; the votes; the bands) and report.html.
            """)

    @OptionGroup var options: ModelOptions
    @OptionGroup var hearing: HearingOptions
    @OptionGroup var asking: PromptOptions

    @Option(help: "The corpus folder.")
    var corpus: String

    @Option(help: "The folder to write to.")
    var out = "runs/layers"

    @Option(help: "Seed of folds, controls and intervals.")
    var seed: UInt64 = 0

    @Option(name: .customLong("hold-out"), help: "What analysis 1 holds out: texts or speakers.")
    var heldOut = HeldOut.texts

    @Option(help: "A run folder, or an adapter folder in PEFT's layout: the tuned model is analysed.")
    var adapter: String?

    @Option(help: "Clips of one forward pass.")
    var batchSize = 8

    @Flag(help: "Print layers.json on standard output too.")
    var json = false

    func run() throws {
        guard (1...1024).contains(batchSize) else {
            throw ValidationError("--batch-size: expected 1 to 1024, found \(batchSize)")
        }
        let folder = URL(fileURLWithPath: out, isDirectory: true)
        try OutputFolder.check(folder)
        let model = try options.load()
        let source = try FeatureSource(corpus, model: model, level: hearing.rms)
        let tuned = adapter.map { URL(fileURLWithPath: $0, isDirectory: true) }
        try asking.prepare(model, adapter: adapter)
        var report = try Self.analyze(source, adapter: tuned, seed: seed, heldOut: heldOut, batch: batchSize)
        report.quantize = options.quantize
        try OutputFolder.make(folder)
        try report.write(to: folder.appendingPathComponent("layers.json"))
        var content = ReportContent(
            title: "Layers of \(report.model)", lead: "Corpus \(report.corpus), \(report.clips) clips.")
        content.add(report)
        let html = HTMLReport.render(content)
        try AtomicFile.write(Data(html.utf8), to: folder.appendingPathComponent("report.html"))
        if json {
            FileHandle.standardOutput.write(try report.encoded())
        } else {
            print(
                "tuned range \(report.tunedRange.lowerBound)-\(report.tunedRange.upperBound) of \(report.layers) layers (\(report.choice.source.rawValue), confidence \(String(format: "%.2f", report.choice.confidence)))"
            )
            for warning in report.warnings { print("warning: \(warning)") }
            for curve in report.input {
                print(
                    "decoder input \(curve.name): \(Self.figure(curve.layers.first)), N \(curve.data.n), \(curve.data.groups) \(curve.data.unit) held out"
                )
            }
            for (part, curves) in [("encoder", report.encoder), ("decoder", report.decoder)] {
                for curve in curves {
                    let best = curve.layers.max { $0.value < $1.value }
                    print(
                        "\(part) \(curve.name): best layer \(best?.layer ?? 0) \(Self.figure(best)), N \(curve.data.n), \(curve.data.groups) \(curve.data.unit)"
                    )
                }
            }
            print("\(folder.path)/report.html")
        }
    }

    private static func figure(_ value: LayerValue?) -> String {
        guard let value else { return "-" }
        let control = value.control.map { String(format: ", shuffled %.3f", $0) } ?? ""
        return String(format: "%.3f [%.3f, %.3f]", value.value, value.low, value.high) + control
    }

    /// - Parameter adapter: what the model carries: its layers are told from those of the model alone.
    static func analyze(
        _ source: FeatureSource, adapter: URL? = nil, seed: UInt64 = 0, heldOut: HeldOut = .texts, batch: Int = 8
    ) throws -> LayersReport {
        let (model, hash) =
            try adapter.map {
                try (
                    "\(source.model.name) with \($0.lastPathComponent)",
                    Checksum.sha256(Data((source.model.weightsHash + Adapters.hash(of: $0)).utf8))
                )
            } ?? (source.model.name, source.model.weightsHash)
        let utterances = source.corpus.utterances.filter {
            $0.scenario == nil || $0.declaredAge != nil || $0.category == .age
        }
        guard !utterances.isEmpty else {
            throw LayerAnalysisError("\(source.corpus.folder.path) has no clips to analyse")
        }
        try source.warm(utterances)
        let passes = Progress("forward passes")
        let hasIntents = utterances.contains { $0.intent != nil }
        let states = try ModelStates.collect(
            utterances, model: source.model, batch: batch, lens: { !hasIntents || $0.intent != nil },
            features: source.features,
            progress: { passes.update($0, of: $1) }, shouldStop: { Interrupt.requested })
        var settings = AnalysisOptions()
        settings.seed = seed
        settings.heldOut = heldOut
        let probes = Progress("analyses")
        return try LayerAnalysis.run(
            states: states,
            source: .init(model: model, modelHash: hash, corpus: source.corpus.folder.lastPathComponent),
            options: settings, progress: { probes.update(Int($0 * 100), of: 100, $1) },
            shouldStop: { Interrupt.requested })
    }
}
extension HeldOut: ExpressibleByArgument {}
