import Checkpoints
import MLX
import MLXNN

/// Fills modules with the tensors of a folder. Every tensor of the folder is accounted for: one that no module takes and
/// that is not among the known others is an error, as is one that is missing, misshaped or not finite.
struct CheckpointLoader {
    let files: HFFolder
    private var taken: Set<String> = []

    init(_ files: HFFolder) { self.files = files }

    /// - Parameter stored: the name in the folder of a parameter's path.
    ///
    /// Matrices keep the 16-bit type they are stored in (the kernels widen them by tiles); all else becomes f32.
    mutating func load(into module: Module, stored: (String) -> String) throws {
        var values: [String: MLXArray] = [:]
        for (path, parameter) in module.namedParameters() {
            let name = stored(path)
            guard files.has(name) else { throw ModelError("\(files.url.path): tensor \(name) is missing") }
            let info = try files.info(name)
            var shape = info.shape
            // Convolutions are (out, in, k) on disk, MLX wants (out, k, in).
            let convolution = shape.count == 3
            if convolution { shape.swapAt(1, 2) }
            guard let expected = parameter.array?.shape, expected == shape else {
                var wanted = parameter.array?.shape ?? []
                if convolution, wanted.count == 3 { wanted.swapAt(1, 2) }
                throw ModelError(
                    "\(files.url.path): tensor \(name) has shape \(info.shape), config.json makes it \(wanted)")
            }
            guard [.f32, .f16, .bf16].contains(info.type) else {
                throw ModelError(
                    "\(files.url.path): tensor \(name) has type \(info.type.rawValue), expected F32, F16 or BF16")
            }
            guard try files.isFinite(name) else {
                throw ModelError(
                    "\(files.url.path): tensor \(name) holds values that are not finite: the file is damaged, download it again"
                )
            }
            // A matrix may be gigabytes: it stays in its file's pages.
            var array = try shape.count == 2 ? files.mapped(name) : files.array(name)
            if shape.count != 2 { array = array.asType(.float32) }
            if convolution { array = array.transposed(axes: [0, 2, 1]) }
            try eval(array)
            values[path] = array
            taken.insert(name)
        }
        try module.update(parameters: values)
        module.freeze()
    }

    /// - Parameter others: how the names begin of what the folder may hold besides: parts of the model that are not used.
    func finish(others: [String] = []) throws {
        for name in files.names where !taken.contains(name) && !others.contains(where: name.hasPrefix) {
            throw ModelError(
                "\(files.url.path): tensor \(name) is not one of this model: is config.json that of another one?")
        }
    }
}
