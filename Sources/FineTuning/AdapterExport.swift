import AudioLanguageModels
import Checkpoints
import Foundation
import MLX
import MLXNN

/// A fine-tuned model for other tools: transformers with peft, or transformers alone.
public enum AdapterExport {
    public enum Format: String, CaseIterable, Sendable {
        /// A folder for peft's `PeftModel.from_pretrained` on the model that transformers 5 loads.
        case peft
        /// A whole model folder with the adapter worked into the weights.
        case merged
    }

    /// - Parameters:
    ///   - run: a run folder or an adapter folder.
    ///   - model: the model that it belongs to. It carries the adapter afterwards.
    ///   - target: a folder that does not exist yet: it is complete, or absent.
    ///   - progress: tensors written, of how many; what it throws ends the work.
    /// - Returns: a doubt, as `Adapters.load` has it.
    @discardableResult
    public static func write(
        _ run: URL, of model: any AudioLanguageModel, format: Format, to target: URL,
        progress: (Int, Int) throws -> Void = { _, _ in }
    ) throws -> String? {
        guard format == .peft || !model.isQuantized else {
            throw FineTuningError(
                "\(model.name) is quantised: an adapter can only be worked into weights as they were; give the folder that it was made of"
            )
        }
        let doubt = try Adapters.load(run, into: model)
        try AtomicDirectory.write(to: target) { folder in
            switch format {
            case .peft: try writePEFT(run, model, folder)
            case .merged: try writeMerged(model, folder, progress)
            }
        }
        return doubt
    }

    /// The modules are told by one expression that fits whole paths: names alone would also fit the audio tower's layers.
    private static func writePEFT(_ run: URL, _ model: any AudioLanguageModel, _ folder: URL) throws {
        let stored = try PEFTAdapter(readingFrom: Adapters.folder(of: run))
        var modules: [String: PEFTAdapter.Factors] = [:]
        for (path, layer) in adapted(model) {
            let own = model.decoderModulePath + path.dropFirst("model.".count)
            modules[own] = PEFTAdapter.Factors(a: layer.loraA, b: layer.loraB)
        }
        let pattern = modules.keys.sorted().map { $0.replacingOccurrences(of: ".", with: "\\.") }.joined(separator: "|")
        let config = PEFTAdapter.Config(
            rank: stored.config.rank, alpha: stored.config.alpha, targetModules: [pattern], isPattern: true,
            baseModel: model.files.url.lastPathComponent)
        try PEFTAdapter(config: config, modules: modules, baseHash: stored.baseHash).write(to: folder)
    }

    private static func adapted(_ model: any AudioLanguageModel) -> [(path: String, layer: LoRALinear)] {
        model.decoder.namedModules().compactMap { path, module in (module as? LoRALinear).map { (path, $0) } }
    }

    /// Every file of the model's folder, tensors in their stored type; one tensor at a time is in memory.
    private static func writeMerged(
        _ model: any AudioLanguageModel, _ folder: URL, _ progress: (Int, Int) throws -> Void
    ) throws {
        let files = model.files
        var merged: [String: LoRALinear] = [:]
        for (path, layer) in adapted(model) { merged[model.storedName(ofDecoder: path + ".weight")] = layer }
        var done = 0
        for shard in files.shards {
            let names = try files.names(in: shard)
            try Safetensors.write(
                names.map { (name: $0, info: try files.info($0)) }, metadata: ["format": "pt"],
                to: folder.appendingPathComponent(shard)
            ) { name in
                done += 1
                try progress(done, files.names.count)
                guard let layer = merged[name] else { return try files.data(name) }
                guard let type = try files.info(name).type.dtype else { return try files.data(name) }
                return try layer.mergedWeight().asType(type).rawData()
            }
        }
        try files.copyOthers(to: folder)
    }
}
