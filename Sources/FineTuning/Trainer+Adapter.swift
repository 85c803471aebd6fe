import AudioLanguageModels
import Checkpoints
import Foundation
import MLX
import MLXNN

extension Trainer {
    /// `adapter/` in PEFT's layout, with heads.safetensors beside the weights: complete, or absent.
    public func saveAdapter(in run: URL) throws {
        let folder = run.appendingPathComponent("adapter", isDirectory: true)
        try AtomicDirectory.write(to: folder, replacing: true) { temporary in
            var modules: [String: PEFTAdapter.Factors] = [:]
            for a in adapted { modules[a.path] = PEFTAdapter.Factors(a: a.layer.loraA, b: a.layer.loraB) }
            let settings = PEFTAdapter.Config(
                rank: config.rank, alpha: Double(config.alpha),
                targetModules: Adapters.modules.compactMap { $0.split(separator: ".").last.map(String.init) },
                layers: Array(config.firstLayer...config.lastLayer), baseModel: model.name)
            try PEFTAdapter(config: settings, modules: modules).write(to: temporary)
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
        let inner = run.appendingPathComponent("adapter", isDirectory: true)
        return FileManager.default.fileExists(atPath: inner.path) ? inner : run
    }

    /// Puts the adapter of a run folder (or an adapter folder itself) into the model.
    public static func load(_ run: URL, into model: any AudioLanguageModel) throws {
        let folder = folder(of: run)
        let adapter = try PEFTAdapter(readingFrom: folder)
        let layers = adapter.modules.keys.compactMap { path -> Int? in
            let parts = path.split(separator: ".")
            return parts.count > 2 && parts[0] == "model" && parts[1] == "layers" ? Int(parts[2]) : nil
        }
        guard let first = layers.min(), let last = layers.max() else {
            throw FineTuningError("\(folder.path) holds no adapter of decoder layers")
        }
        let adapted = try attach(
            to: model.decoder, layers: first...last, rank: adapter.config.rank, alpha: Float(adapter.config.alpha),
            seed: 0)
        guard Set(adapted.map(\.path)) == Set(adapter.modules.keys) else {
            let odd = Set(adapted.map(\.path)).symmetricDifference(adapter.modules.keys).sorted().first ?? ""
            throw FineTuningError(
                "\(folder.path): module \(odd) is missing or unknown; expected all linear modules of layers \(first)-\(last)"
            )
        }
        for a in adapted {
            guard let factors = adapter.modules[a.path], factors.a.shape == a.layer.loraA.shape,
                factors.b.shape == a.layer.loraB.shape
            else { throw FineTuningError("\(folder.path): the factors of \(a.path) do not fit the model") }
            a.layer.loraA = factors.a.asType(.float32)
            a.layer.loraB = factors.b.asType(.float32)
        }
        try eval(adapted.flatMap { [$0.layer.loraA, $0.layer.loraB] })
        model.decoder.freeze()
    }
}
