import AudioLanguageModels
import Checkpoints
import Foundation
import MLX
import MLXNN

extension Trainer {
    /// `adapter/` in PEFT's layout, with heads.safetensors beside the weights: complete, or absent.
    public func saveAdapter(in run: URL) throws {
        try AtomicDirectory.write(to: Run(run).adapter, replacing: true) { temporary in
            var modules: [String: PEFTAdapter.Factors] = [:]
            for a in adapted { modules[a.path] = PEFTAdapter.Factors(a: a.layer.loraA, b: a.layer.loraB) }
            let settings = PEFTAdapter.Config(
                rank: config.rank, alpha: Double(config.alpha),
                targetModules: Adapters.modules.compactMap { $0.split(separator: ".").last.map(String.init) },
                layers: Array(config.firstLayer...config.lastLayer), baseModel: model.name)
            try PEFTAdapter(config: settings, modules: modules, baseHash: model.weightsHash).write(to: temporary)
            if config.adch {
                let tensors = heads.namedParameters().compactMap { p in
                    p.parameter.array.map { (name: p.path, array: $0) }
                }
                try Safetensors.write(
                    tensors, metadata: ["layer": "\(config.lastLayer)"],
                    to: temporary.appendingPathComponent("heads.safetensors"))
            }
        }
    }
}

extension Adapters {
    /// The adapter of a run folder, or the folder itself where it is an adapter's.
    static func folder(of run: URL) -> URL {
        let inner = Run(run).adapter
        return FileManager.default.fileExists(atPath: inner.path) ? inner : run
    }

    /// The adapter of a run in half the bytes, without heads. Replaces an adapter in `target`, nothing else.
    public static func writeHalf(of run: URL, to target: URL) throws {
        try AtomicDirectory.checkReplaceable(target)
        var adapter = try PEFTAdapter(readingFrom: folder(of: run))
        adapter.modules = adapter.modules.mapValues { .init(a: $0.a.asType(.float16), b: $0.b.asType(.float16)) }
        try AtomicDirectory.write(to: target, replacing: true) { try adapter.write(to: $0) }
    }

    /// SHA-256 of a run's adapter.
    public static func hash(of run: URL) throws -> String { try PEFTAdapter.hash(of: folder(of: run)) }

    /// A module's path as ours has it. Adapters made elsewhere address the decoder inside the model's class: of transformers 5, of
    /// 4, or with the thinker in front. Other towers have layers too, and are not taken.
    private static func decoderPath(_ path: String) -> String? {
        let prefixes = ["model.layers.", "model.language_model.layers.", "language_model.model.layers."]
        for prefix in prefixes.flatMap({ [$0, "thinker." + $0] }) where path.hasPrefix(prefix) {
            return "model.layers." + path.dropFirst(prefix.count)
        }
        return nil
    }

    /// Puts the adapter of a run folder (or an adapter folder itself) into the model.
    /// - Returns: a doubt, for people: it was trained on other weights. Those may be the same ones in another precision, so that
    ///   it is no error.
    @discardableResult
    public static func load(_ run: URL, into model: any AudioLanguageModel) throws -> String? {
        let folder = folder(of: run)
        let adapter = try PEFTAdapter(readingFrom: folder)
        var modules: [String: PEFTAdapter.Factors] = [:]
        for (path, factors) in adapter.modules {
            guard let own = decoderPath(path), modules.updateValue(factors, forKey: own) == nil else {
                throw FineTuningError(
                    "\(folder.path): module \(path) is none of the decoder's layers, or is there twice; only linear modules of "
                        + "decoder layers can be adapted here")
            }
        }
        guard !modules.isEmpty else { throw FineTuningError("\(folder.path) holds no adapter of decoder layers") }
        let adapted: [Adapted]
        do {
            adapted = try attach(
                to: model.decoder, paths: Set(modules.keys), rank: adapter.config.rank,
                alpha: Float(adapter.config.alpha),
                seed: 0)
        } catch let error as FineTuningError {
            throw FineTuningError("\(folder.path): \(error)")
        }
        for a in adapted {
            guard let factors = modules[a.path], factors.a.shape == a.layer.loraA.shape,
                factors.b.shape == a.layer.loraB.shape
            else { throw FineTuningError("\(folder.path): the factors of \(a.path) do not fit the model") }
            a.layer.loraA = factors.a.asType(.float32)
            a.layer.loraB = factors.b.asType(.float32)
        }
        try eval(adapted.flatMap { [$0.layer.loraA, $0.layer.loraB] })
        model.decoder.freeze()
        guard let base = adapter.baseHash, base != model.weightsHash else { return nil }
        return
            "\(folder.path) was trained on other weights (\(base.prefix(12))) than \(model.name)'s (\(model.weightsHash.prefix(12))): "
            + "what comes of it holds only if they are the same model in another precision"
    }
}
