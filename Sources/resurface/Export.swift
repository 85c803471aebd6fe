import ArgumentParser
import AudioLanguageModels
import Checkpoints
import FineTuning
import Foundation

/// `resurface export`: a fine-tuned model for other tools.
struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a run's adapter as a folder that peft loads, or a whole model that transformers loads.",
        discussion: """
            peft: adapter_config.json and adapter_model.safetensors for PeftModel.from_pretrained on the model of transformers 5.
            merged: the model's folder with the adapter worked into its weights, in their stored type.
            """)

    @OptionGroup var options: ModelOptions

    @Option(help: "A run folder, or an adapter folder in PEFT's layout.")
    var adapter: String

    @Option(help: "peft or merged.")
    var format = AdapterExport.Format.peft

    @Option(help: "The folder to write; it must not exist yet.")
    var out: String

    func run() throws {
        guard options.quantize == nil else {
            throw ValidationError("--quantize: an export is made of the weights as they are stored; leave it out")
        }
        let target = URL(fileURLWithPath: out, isDirectory: true)
        try OutputFolder.check(target)
        guard !FileManager.default.fileExists(atPath: target.path) else {
            throw CheckpointError("\(target.path) exists already: choose another --out or remove it first")
        }
        let model = try options.load()
        let progress = Progress("writing tensors")
        try AdapterExport.write(
            URL(fileURLWithPath: adapter, isDirectory: true), of: model, format: format, to: target,
            progress: { progress.update($0, of: $1) })
        print(target.path)
    }
}
extension AdapterExport.Format: ExpressibleByArgument {}
