import ArgumentParser
import AudioLanguageModels
import Checkpoints
import FineTuning
import Foundation

/// `resurface export`: a fine-tuned model for other tools, or a model in fewer bits.
struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a run's adapter for peft, a whole model for transformers, or a model in 8 or 4 bits.",
        discussion: """
            peft: adapter_config.json and adapter_model.safetensors for PeftModel.from_pretrained on the model of transformers 5.
            merged: the model's folder with the adapter worked into its weights, in their stored type.
            quantized: the model's folder with the decoder's layers in --quantize bits, as MLX has them; without an adapter. Every
            verb takes the folder as --model: the same as --quantize on each start, made once.
            """)

    enum Format: String, CaseIterable, ExpressibleByArgument { case peft, merged, quantized }

    @OptionGroup var options: ModelOptions

    @Option(help: "A run folder, or an adapter folder in PEFT's layout.")
    var adapter: String?

    @Option(help: "peft, merged or quantized.")
    var format = Format.peft

    @Option(help: "The folder to write; it must not exist yet.")
    var out: String

    func validate() throws {
        if format == .quantized {
            guard adapter == nil else {
                throw ValidationError("--adapter: --format quantized is of a model alone: export it merged first")
            }
            guard options.quantize != nil else { throw ValidationError("--format quantized needs --quantize 8 or 4") }
        } else {
            guard adapter != nil else { throw ValidationError("--format \(format.rawValue) needs --adapter") }
            guard options.quantize == nil else {
                throw ValidationError(
                    "--quantize: an adapter is exported with the weights as they are stored; leave it out")
            }
        }
    }

    func run() throws {
        let target = URL(fileURLWithPath: out, isDirectory: true)
        try OutputFolder.check(target)
        guard !FileManager.default.fileExists(atPath: target.path) else {
            throw CheckpointError("\(target.path) exists already: choose another --out or remove it first")
        }
        let model = try ModelOptions.load(options.model, quantize: 0, device: options.device)
        let bar = Progress("writing tensors")
        func progress(_ done: Int, _ total: Int) throws {
            try Interrupt.check()
            bar.update(done, of: total)
        }
        if let adapter {
            let doubt = try AdapterExport.write(
                URL(fileURLWithPath: adapter, isDirectory: true), of: model, format: format == .peft ? .peft : .merged,
                to: target, progress: progress)
            if let doubt { Progress.say("warning: \(doubt)") }
        } else if let bits = options.quantize {
            guard [8, 4].contains(bits) else { throw ValidationError("--quantize \(bits): expected 8 or 4") }
            try model.writeQuantized(bits: bits, to: target, progress: progress)
        }
        print(target.path)
    }
}
