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
    /// Matrices keep the 16-bit type they are stored in (the kernels widen them by tiles), or their 8 or 4 bits; all else becomes
    /// f32.
    mutating func load(into module: Module, stored: (String) -> String) throws {
        let packed = try loadQuantized(into: module, stored: stored)
        var values: [String: MLXArray] = [:]
        for (path, parameter) in module.namedParameters() {
            let isPacked = path.lastIndex(of: ".").map { packed.contains(String(path[..<$0])) } ?? false
            values[path] = try isPacked ? parameter.array : tensor(stored(path), shape: parameter.array?.shape ?? [])
        }
        try module.update(parameters: values)
        module.freeze()
    }

    /// Puts the linear modules that the folder has in MLX's affine format in their places. -> their paths.
    private mutating func loadQuantized(into module: Module, stored: (String) -> String) throws -> Set<String> {
        guard let format = try QuantizationFormat(files.config) else { return [] }
        var paths: Set<String> = []
        try module.replaceModules { path, layer in
            guard let linear = layer as? Linear, files.has(stored(path + ".scales")) else { return nil }
            let (outputs, inputs) = linear.shape
            guard inputs.isMultiple(of: format.groupSize) else {
                throw ModelError(
                    "\(files.url.path): \(path) has \(inputs) inputs, which groups of \(format.groupSize) do not divide"
                )
            }
            let groups = [outputs, inputs / format.groupSize]
            paths.insert(path)
            return try QuantizedLinear(
                weight: tensor(stored(path + ".weight"), shape: [outputs, inputs * format.bits / 32], types: [.u32]),
                bias: linear.bias == nil ? nil : tensor(stored(path + ".bias"), shape: [outputs]),
                scales: tensor(stored(path + ".scales"), shape: groups),
                biases: tensor(stored(path + ".biases"), shape: groups), groupSize: format.groupSize, bits: format.bits)
        }
        return paths
    }

    /// - Parameter shape: as the module has it: convolutions are (out, in, k) on disk, MLX wants (out, k, in).
    private mutating func tensor(
        _ name: String, shape: [Int], types: [TensorType] = [.f32, .f16, .bf16]
    ) throws -> MLXArray {
        guard files.has(name) else { throw ModelError("\(files.url.path): tensor \(name) is missing") }
        let info = try files.info(name), convolution = shape.count == 3
        var wanted = shape
        if convolution { wanted.swapAt(1, 2) }
        guard info.shape == wanted else {
            throw ModelError(
                "\(files.url.path): tensor \(name) has shape \(info.shape), config.json makes it \(wanted)")
        }
        guard types.contains(info.type) else {
            throw ModelError(
                "\(files.url.path): tensor \(name) has type \(info.type.rawValue), expected \(types.map(\.rawValue).joined(separator: " or "))"
            )
        }
        try files.checkFinite(name)
        // A matrix may be gigabytes: it stays in its file's pages.
        var array = try shape.count == 2 ? files.mapped(name) : files.array(name)
        if shape.count != 2 { array = array.asType(.float32) }
        if convolution { array = array.transposed(axes: [0, 2, 1]) }
        try eval(array)
        taken.insert(name)
        return array
    }

    /// - Parameter others: how the names begin of what the folder may hold besides: parts of the model that are not used.
    func finish(others: [String] = []) throws {
        for name in files.names where !taken.contains(name) && !others.contains(where: name.hasPrefix) {
            throw ModelError(
                "\(files.url.path): tensor \(name) is not one of this model: is config.json that of another one?")
        }
    }
}
