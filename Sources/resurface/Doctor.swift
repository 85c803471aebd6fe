import ArgumentParser
import AudioLanguageModels
import Corpora
import FineTuning
import Foundation
import MLX
import Speech

/// `resurface doctor`: what is set up, and what is missing.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks the set-up: engine, model, audio formats, speech engines.")

    @Flag(help: "Print a JSON object on standard output.")
    var json = false

    @Option(help: "With --finetune: `smol`, or a folder in Hugging Face's layout. Only headers are read.")
    var model = "smol"

    @Flag(help: "The memory that a fine-tuning of --model would need, and whether it is there.")
    var finetune = false

    @Option(help: "With --finetune: A-B, both included; default: all.")
    var layers: String?

    @Option(help: "With --finetune: positions of the longest example: prompt, audio (12 to 25 a second) and answer.")
    var positions = 256

    @Option(help: "With --finetune: of which the answer's.")
    var answer = 64

    @Option(help: "With --finetune: clips of one forward pass.") var microBatchSize = 8
    @Option(help: "With --finetune: examples.") var examples = 1000
    @Option(help: "With --finetune: rank of LoRA.") var rank = 8
    @Option(help: "With --finetune: 8 or 4 bits for the frozen layers.") var quantize: Int?
    @Flag(help: "With --finetune: layers computed again.") var recompute = false

    struct Check: Codable {
        var name: String
        var ok: Bool
        var detail: String
    }

    func run() throws {
        if finetune { return try estimate() }
        var checks: [Check] = []
        checks.append(
            Check(
                name: "engine", ok: true,
                detail: "MLX \(engineVersion), \(Device.current.rawValue), \(Device.threads) threads"))
        let lacking = Device.missingInstructions
        checks.append(
            Check(
                name: "kernels", ok: lacking == nil,
                detail: lacking.map { "this CPU lacks \($0): MLX's own, slower operations are used" }
                    ?? "fused CPU kernels"))
        let ready = SmolSetup.isReady
        checks.append(
            Check(name: "model", ok: ready, detail: ready ? SmolSetup.folder.path : "not set up: run `resurface setup`")
        )
        checks.append(
            Check(
                name: "own weights", ok: SmolModel.shippedProjector != nil && SmolModel.shippedAdapter != nil,
                detail: [("projector", SmolModel.shippedProjector), ("adapter", SmolModel.shippedAdapter)].map {
                    $1 == nil ? "no \($0): `resurface align` trains one" : $0
                }.joined(separator: ", ")))
        let sound = SoundFileLibrary.version
        checks.append(
            Check(name: "FLAC, MP3, Ogg", ok: sound != nil, detail: sound ?? "libsndfile was not found: WAV only"))
        let speech = (try? SpeechEnvironment.installed()) ?? nil
        checks.append(
            Check(
                name: "speech engines", ok: speech != nil,
                detail: speech?.python.path ?? "not installed: `resurface corpus build` does it the first time"))
        let memory = ProcessInfo.processInfo.physicalMemory >> 20
        checks.append(
            Check(
                name: "memory", ok: memory > 3000,
                detail: "\(memory) MB; analysis and fine-tuning of smol need about 3 GB"))
        if json { return try printJSON(checks) }
        for c in checks {
            print((c.ok ? "ok    " : "note  ") + c.name.padding(toLength: 16, withPad: " ", startingAt: 0) + c.detail)
        }
    }

    /// Exit code 2 where it does not fit.
    private func estimate() throws {
        let shape = try ModelRegistry.shape(model)
        var config = FineTuneConfig()
        config.quantize = quantize ?? 0
        (config.batchSize, config.microBatchSize) = (microBatchSize, microBatchSize)
        (config.rank, config.recompute) = (rank, recompute)
        let range = try layers.map { try layerRange($0, layers: shape.decoder.layers) } ?? 0...shape.decoder.layers - 1
        (config.firstLayer, config.lastLayer) = (range.lowerBound, range.upperBound)
        try config.validate(layers: shape.decoder.layers)
        guard (1...100_000).contains(positions), (1...positions).contains(answer), (1...10_000_000).contains(examples)
        else {
            throw ValidationError(
                "--positions, --answer, --examples: expected 1 to 100000, no more than those, 1 to 10000000")
        }
        let need = MemoryEstimate(shape, config: config, positions: positions, answer: answer, examples: examples)
        if json {
            try printJSON(need)
        } else {
            for (name, bytes) in [
                ("decoder", need.decoder), ("activations", need.activations), ("logits", need.logits),
                ("adapters", need.adapters), ("prompts", need.prompts), ("process", need.process),
                ("training", need.training), ("encoder", need.encoder), ("with hearing", need.total),
            ] {
                print(
                    name.padding(toLength: 14, withPad: " ", startingAt: 0)
                        + String(format: "%8.2f GB", Double(bytes) / 1e9))
            }
        }
        try ProcessMemory.require(need)
    }
}
