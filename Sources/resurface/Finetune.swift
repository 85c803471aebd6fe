import ArgumentParser
import AudioLanguageModels
import Corpora
import FineTuning
import Foundation
import LayerAnalysis
import MLX
import Yams

/// `resurface finetune`: PE-FT on a layer range.
struct Finetune: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fine-tunes a range of decoder layers with LoRA and the dual-level classification head (PE-FT).",
        discussion: """
            Example: resurface finetune --corpus corpora/demo --layers 0-14 --out runs/pe-ft
            --layers auto takes the range from --layers-file (layers.json of `resurface analyze` on the same model).
            Ctrl-C finishes the step, writes a checkpoint and exits 130; the same command with --resume goes on.
            """)

    @OptionGroup var options: ModelOptions
    @OptionGroup var asking: PromptOptions

    @Option(help: "The corpus folder; its train split is used.")
    var corpus: String

    @Option(help: "A-B, both included, or auto (default: firstLayer and lastLayer of --config, else auto).")
    var layers: String?

    @Option(help: "layers.json for --layers auto.")
    var layersFile = "runs/layers/layers.json"

    @Flag(help: "Leave the classification heads out.")
    var noAdch = false

    @Option(help: "The run folder.")
    var out: String

    @Flag(help: "Continue the run in --out.")
    var resume = false

    @Option(help: "YAML settings; options given here override them.")
    var config: String?

    @Option(help: "Optimiser steps (0: by epochs).") var steps: Int?
    @Option(help: "Epochs.") var epochs: Int?
    @Option(help: "Clips an optimiser step.") var batchSize: Int?
    @Option(help: "Clips a forward pass; a batch is accumulated from as many as it takes.") var microBatchSize: Int?
    @Option(help: "Peak learning rate.") var learningRate: Float?
    @Option(help: "Rank of LoRA.") var rank: Int?
    @Option(help: "Alpha of LoRA.") var alpha: Float?
    @Option(help: "Weight of the classification losses.") var lambda: Float?
    @Option(help: "Seed of everything random.") var seed: UInt64?
    @Option(help: "Steps between checkpoints.") var saveEvery: Int?

    @Flag(help: "Compute layers again for their gradients: less memory, a forward pass more.")
    var recompute = false

    @Flag(help: "Print a JSON object on standard output.")
    var json = false

    func run() throws {
        var settings = FineTuneConfig(), layers = layers ?? "auto"
        if let config {
            do {
                let text = try String(contentsOfFile: config, encoding: .utf8)
                // Settings that the file leaves out keep their defaults.
                let defaults = try YAMLEncoder().encode(settings)
                var fields = try Yams.load(yaml: defaults) as? [String: Any] ?? [:]
                guard let given = try Yams.load(yaml: text) as? [String: Any] else {
                    throw FineTuningError("\(config): expected a mapping of settings")
                }
                for (key, value) in given {
                    guard fields[key] != nil else {
                        throw FineTuningError(
                            "\(config): unknown setting \(key); known: \(fields.keys.sorted().joined(separator: ", "))")
                    }
                    fields[key] = value
                }
                let ends = [given["firstLayer"], given["lastLayer"]].compactMap { $0 }
                if self.layers == nil, !ends.isEmpty {
                    guard ends.count == 2 else {
                        throw FineTuningError(
                            "\(config): expected firstLayer and lastLayer together, found one of them")
                    }
                    layers = "\(ends[0])-\(ends[1])"
                }
                settings = try YAMLDecoder().decode(FineTuneConfig.self, from: Yams.dump(object: fields))
            } catch let error as FineTuningError {
                throw error
            } catch let error as DecodingError {
                throw FineTuningError("\(config): \(Self.text(error))")
            } catch let error as YamlError {
                throw FineTuningError("\(config): not YAML: \(error)")
            } catch {
                throw FineTuningError("\(config): cannot be read: \((error as NSError).localizedDescription)")
            }
        }
        // What the file says of the model holds where no option does.
        if let model = options.given { settings.model = model }
        if let quantize = options.quantize { settings.quantize = quantize }
        settings.corpus = corpus
        if noAdch { settings.adch = false }
        if let steps { settings.steps = steps }
        if let epochs { settings.epochs = epochs }
        if let batchSize { settings.batchSize = batchSize }
        if let microBatchSize { settings.microBatchSize = microBatchSize }
        if let learningRate { settings.learningRate = learningRate }
        if let rank { settings.rank = rank }
        if let alpha { settings.alpha = alpha }
        if let lambda { settings.lambda = lambda }
        if let seed { settings.seed = seed }
        if let saveEvery { settings.saveEvery = saveEvery }
        if recompute { settings.recompute = true }
        if let system = asking.system { settings.system = system }

        let folder = URL(fileURLWithPath: out, isDirectory: true)
        try OutputFolder.check(folder)
        try Run(folder).check(resume: resume)
        try checkMemory(settings, layers: layers)
        let model = try ModelOptions.load(settings.model, quantize: settings.quantize, device: options.device)
        let depth = model.decoder.config.layers
        let range: ClosedRange<Int>
        if layers == "auto" {
            range = try LayersReport(contentsOf: URL(fileURLWithPath: layersFile))
                .tunedRange(forModelHash: model.weightsHash, layers: depth)
        } else {
            range = try layerRange(layers, layers: depth)
        }
        (settings.firstLayer, settings.lastLayer) = (range.lowerBound, range.upperBound)
        let source = try FeatureSource(corpus, model: model)
        let metrics = try Self.train(source, settings: settings, out: folder, resume: resume, label: "step")
        if json {
            try printJSON(metrics.last)
        } else if let last = metrics.last {
            print(
                String(
                    format: "step %d: loss %.4f (response %.4f, category %.4f, attribute %.4f)", last.step, last.loss,
                    last.sft, last.category, last.attribute))
            print("\(out)/adapter")
        }
    }

    /// Before anything is loaded, for layers that are known by then; by a least guess of the examples' lengths.
    private func checkMemory(_ settings: FineTuneConfig, layers: String) throws {
        let shape = try ModelRegistry.shape(settings.model)
        var settings = settings
        settings.lastLayer = shape.decoder.layers - 1
        settings.firstLayer = settings.lastLayer
        if layers != "auto" {
            let range = try layerRange(layers, layers: shape.decoder.layers)
            (settings.firstLayer, settings.lastLayer) = (range.lowerBound, range.upperBound)
        }
        try settings.validate(layers: shape.decoder.layers)
        try ProcessMemory.require(MemoryEstimate(shape, config: settings, positions: 100, answer: 20, examples: 1))
    }

    /// The setting that has a wrong type or is out of its type's range.
    private static func text(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            "setting \(context.codingPath.last?.stringValue ?? ""): expected \(type)"
        case .dataCorrupted(let context), .keyNotFound(_, let context):
            "setting \(context.codingPath.last?.stringValue ?? ""): \(context.debugDescription)"
        @unknown default: "\(error)"
        }
    }

    /// Trains on the train split's labelled clips; safety clips (those with a scenario) are never trained on.
    static func train(
        _ source: FeatureSource, settings: FineTuneConfig, out: URL, resume: Bool, label: String
    ) throws -> [StepMetrics] {
        let own = source.corpus.utterances.filter {
            $0.split == .train && $0.category != nil && $0.response != nil && $0.scenario == nil
        }
        try source.warm(own)
        source.model.system = settings.system
        let examples = try own.map { try Example($0, features: source.features($0), model: source.model) }
        if let longest = examples.max(by: { $0.length < $1.length }) {
            Progress.say(
                "\(examples.count) examples of at most \(longest.length) positions, \(longest.answer.count) of the answer"
            )
            try ProcessMemory.require(
                MemoryEstimate(
                    ModelShape(source.model), config: settings, positions: longest.length, answer: longest.answer.count,
                    examples: examples.count))
        }
        let trainer = try Trainer(model: source.model, examples: examples, config: settings)
        let progress = Progress(label)
        let run = Run(out)
        try run.train(
            trainer, resume: resume,
            progress: { progress.update($0.step, of: $1, String(format: "loss %.3f, response %.3f", $0.loss, $0.sft)) },
            shouldStop: { Interrupt.requested })
        Progress.say(ProcessMemory.line)
        return try run.readMetrics()
    }
}
