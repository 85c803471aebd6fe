import Checkpoints
import Foundation
import MLX
import MLXNN

/// MLX's affine format of a decoder's linear modules, in config.json as mlx-lm writes it: `"quantization": {"group_size": 64,
/// "bits": 4}`.
struct QuantizationFormat {
    static let field = "quantization"
    var groupSize: Int
    var bits: Int

    /// Groups of 64, or of 32 where 64 does not divide every row.
    init(bits: Int, decoder: Decoder) throws {
        self.bits = bits
        let layers = Self.layers(of: decoder)
        func odd(_ size: Int) -> (path: String, layer: Linear)? {
            layers.first { !$0.layer.shape.1.isMultiple(of: size) }
        }
        groupSize = odd(64) == nil ? 64 : 32
        if let (path, layer) = odd(32) {
            throw ModelError(
                "\(path) has \(layer.shape.1) inputs, which groups of 64 or 32 do not divide: leave the bits out")
        }
    }

    /// nil where the configuration says nothing of it.
    init?(_ config: JSONObject) throws {
        guard config.has(Self.field) else { return nil }
        let format = try config.object(Self.field)
        bits = try format.int("bits", in: 4...8)
        groupSize = try format.int("group_size", in: 32...128)
        guard [4, 8].contains(bits), [32, 64, 128].contains(groupSize) else {
            throw ModelError("\(format.place): expected bits 4 or 8, group_size 32, 64 or 128")
        }
    }

    var value: JSONValue { ["bits": .integer(bits), "group_size": .integer(groupSize)] }

    /// The decoder's layers alone: embedding table and output head stay as they are.
    static func includes(_ path: String) -> Bool { path.contains("layers.") }

    static func layers(of decoder: Decoder) -> [(path: String, layer: Linear)] {
        decoder.namedModules().compactMap { path, module in
            includes(path) ? (module as? Linear).map { (path, $0) } : nil
        }
    }
}

extension AudioLanguageModel {
    /// Puts the linear modules of the decoder's layers into MLX's affine format, groups of 64 or 32, one after the other: with
    /// matrices in their file's pages no more than one is ever there both ways. Embedding and output head stay as they are.
    ///
    /// Throws ``ModelError`` naming a layer whose width 32 does not divide, or where the folder's own weights are quantised; then
    /// nothing has changed.
    public func quantize(bits: Int) throws {
        try refuseQuantized()
        let format = try QuantizationFormat(bits: bits, decoder: decoder)
        try MLXNN.quantize(module: decoder, groupSize: format.groupSize, bits: bits) { path, _ in
            QuantizationFormat.includes(path)
        }
    }

    /// Writes the model's folder anew with the linear modules of the decoder's layers in `bits` (8 or 4), scales and biases in f32: what
    /// `quantize(bits:)` makes on loading, made once. One module at a time is in memory.
    /// - Parameters:
    ///   - target: a folder that does not exist yet: it is complete, or absent.
    ///   - progress: tensors written, of how many; what it throws ends the work.
    public func writeQuantized(
        bits: Int, to target: URL, progress: (Int, Int) throws -> Void = { _, _ in }
    ) throws {
        try refuseQuantized()
        let format = try QuantizationFormat(bits: bits, decoder: decoder)
        var layers: [String: Linear] = [:]
        for (path, layer) in QuantizationFormat.layers(of: decoder) {
            layers[storedName(ofDecoder: path + ".weight")] = layer
        }
        var config = files.config.fields
        config[QuantizationFormat.field] = format.value
        try AtomicDirectory.write(to: target) { folder in
            var done = 0, map: [String: JSONValue] = [:]
            for shard in files.shards {
                let tensors = try files.names(in: shard).flatMap { name -> [(name: String, info: TensorInfo)] in
                    let info = try files.info(name)
                    guard let shape = layers[name]?.shape else { return [(name, info)] }
                    let groups = TensorInfo(type: .f32, shape: [shape.0, shape.1 / format.groupSize])
                    let module = String(name.dropLast("weight".count))
                    return [
                        (name, TensorInfo(type: .u32, shape: [shape.0, shape.1 * bits / 32])),
                        (module + "scales", groups), (module + "biases", groups),
                    ]
                }
                // Names come sorted: the three of a module one after the other.
                var last: (name: String, layer: QuantizedLinear)?
                try Safetensors.write(
                    tensors, metadata: ["format": "pt"], to: folder.appendingPathComponent(shard)
                ) { name in
                    done += 1
                    try progress(done, files.names.count + 2 * layers.count)
                    map[name] = .string(shard)
                    guard let dot = name.lastIndex(of: ".") else { return try files.data(name) }
                    let weight = String(name[..<dot]) + ".weight"
                    guard let linear = layers[weight], !name.hasSuffix(".bias") else { return try files.data(name) }
                    if last?.name != weight {
                        last = (weight, try QuantizedLinear(linear, groupSize: format.groupSize, bits: bits))
                    }
                    guard let layer = last?.layer else { return Data() }
                    switch name[name.index(after: dot)...] {
                    case "scales": return try layer.scales.rawData()
                    case "biases": return try layer.biases.rawData()
                    default: return try layer.weight.rawData()
                    }
                }
            }
            try files.copyOthers(to: folder)
            try AtomicFile.write(
                Data(JSONValue.object(config).text(pretty: true).utf8), to: folder.appendingPathComponent("config.json")
            )
            let index = folder.appendingPathComponent(HFFolder.indexName)
            if FileManager.default.fileExists(atPath: index.path) {
                let value: JSONValue = ["metadata": [:], "weight_map": .object(map)]
                try AtomicFile.write(Data(value.text(pretty: true).utf8), to: index)
            }
        }
    }

    /// Whether linear modules of the decoder are in 8 or 4 bits, by the folder's own files or since loading.
    public var isQuantized: Bool { decoder.namedModules().contains { $0.module is QuantizedLinear } }

    private func refuseQuantized() throws {
        guard !isQuantized else {
            throw ModelError("\(name) is quantised already: take the folder that it was made of, or leave the bits out")
        }
    }
}
