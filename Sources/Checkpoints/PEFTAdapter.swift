import Foundation
import MLX

/// LoRA weights in the layout of Hugging Face's PEFT: `adapter_config.json` and `adapter_model.safetensors` with names
/// `base_model.model.MODULE.lora_A.weight` (rank, in) and `.lora_B.weight` (out, rank).
public struct PEFTAdapter: Sendable {
    /// What `adapter_config.json` says.
    public struct Config: Sendable, Equatable {
        public var rank: Int
        public var alpha: Double
        public var dropout: Double
        /// Last parts of module names, sorted: "q_proj", ...
        public var targetModules: [String]
        /// Whether the only entry of `targetModules` is a regular expression for whole paths, which peft reads from a text in place
        /// of a list.
        public var isPattern: Bool
        /// Decoder layers; nil: all.
        public var layers: [Int]?
        /// The list in the model that `layers` counts: "layers".
        public var layersPattern: String?
        /// Name or path of the model the adapter belongs to.
        public var baseModel: String

        /// A configuration for the given modules and layers.
        public init(
            rank: Int, alpha: Double, dropout: Double = 0, targetModules: [String], isPattern: Bool = false,
            layers: [Int]? = nil,
            layersPattern: String? = "layers", baseModel: String
        ) {
            self.rank = rank
            self.alpha = alpha
            self.dropout = dropout
            self.targetModules = targetModules.sorted()
            self.isPattern = isPattern
            self.layers = layers?.sorted()
            self.layersPattern = layers == nil ? nil : layersPattern
            self.baseModel = baseModel
        }
    }

    /// The two factors of one module.
    public struct Factors: Sendable {
        /// (rank, in)
        public var a: MLXArray
        /// (out, rank)
        public var b: MLXArray
        /// Both factors.
        public init(a: MLXArray, b: MLXArray) {
            self.a = a
            self.b = b
        }
    }

    public var config: Config
    /// By full module path: "model.layers.3.self_attn.q_proj".
    public var modules: [String: Factors]
    /// Which weights it was trained on: their hash, kept in the weights file's metadata, where other tools pass it over; nil for
    /// adapters made elsewhere.
    public var baseHash: String?

    /// An adapter in memory.
    public init(config: Config, modules: [String: Factors], baseHash: String? = nil) {
        self.config = config
        self.modules = modules
        self.baseHash = baseHash
    }

    /// (alpha / rank) B A of a module, f32 (out, in): what is added to its weight; nil for a module that is not adapted.
    public func update(of module: String) -> MLXArray? {
        modules[module].map {
            matmul($0.b.asType(.float32), $0.a.asType(.float32)) * Float(config.alpha / Double(config.rank))
        }
    }

    /// The names of the two files.
    public static let configName = "adapter_config.json"
    public static let weightsName = "adapter_model.safetensors"
    private static let prefix = "base_model.model."
    private static let baseHashKey = "base_model_hash"

    /// SHA-256 of both files in a folder: the scale is in one, the weights are in the other.
    public static func hash(of folder: URL) throws -> String {
        let sums = try [configName, weightsName].map { try Checksum.sha256(file: folder.appendingPathComponent($0)) }
        return Checksum.sha256(Data(sums.joined(separator: " ").utf8))
    }

    /// Writes both files into an existing folder.
    public func write(to folder: URL) throws {
        var tensors: [(name: String, array: MLXArray)] = []
        for (module, factors) in modules {
            try Self.check(factors, module, config, folder.path)
            tensors.append(("\(Self.prefix)\(module).lora_A.weight", factors.a))
            tensors.append(("\(Self.prefix)\(module).lora_B.weight", factors.b))
        }
        var metadata = ["format": "pt"]
        metadata[Self.baseHashKey] = baseHash
        try Safetensors.write(tensors, metadata: metadata, to: folder.appendingPathComponent(Self.weightsName))
        let text = config.json.text(pretty: true)
        try AtomicFile.write(Data(text.utf8), to: folder.appendingPathComponent(Self.configName))
    }

    /// Reads and checks both files: names, shapes, and that every value is finite.
    public init(readingFrom folder: URL) throws {
        for name in [Self.configName, Self.weightsName] {
            let path = folder.appendingPathComponent(name).path
            guard FileManager.default.fileExists(atPath: path) else {
                throw CheckpointError("\(folder.path) has no \(name): not an adapter in PEFT's layout")
            }
        }
        config = try Config(try JSONFile.object(at: folder.appendingPathComponent(Self.configName)))
        let file = try SafetensorsFile(folder.appendingPathComponent(Self.weightsName))
        baseHash = file.metadata[Self.baseHashKey]
        var a: [String: MLXArray] = [:]
        var b: [String: MLXArray] = [:]
        for name in file.names {
            guard let (module, factor) = Self.module(of: name) else {
                throw CheckpointError("\(file.url.path): \(shown(name)) is not the name of a LoRA factor")
            }
            try file.checkFinite(name)
            let array = try file.array(name)
            let old = factor == "A" ? a.updateValue(array, forKey: module) : b.updateValue(array, forKey: module)
            if old != nil { throw CheckpointError("\(file.url.path): \(shown(module)) has two factors \(factor)") }
        }
        modules = [:]
        for module in Set(a.keys).union(b.keys).sorted() {
            guard let first = a[module], let second = b[module] else {
                throw CheckpointError("\(file.url.path): \(shown(module)) has one LoRA factor only")
            }
            let factors = Factors(a: first, b: second)
            try Self.check(factors, module, config, file.url.path)
            modules[module] = factors
        }
    }

    /// Module path and factor of a stored name; an adapter name in between ("default") is dropped.
    private static func module(of name: String) -> (String, String)? {
        guard name.hasPrefix(prefix), name.hasSuffix(".weight") else { return nil }
        let parts = name.dropFirst(prefix.count).dropLast(".weight".count).split(separator: ".")
        guard let place = parts.lastIndex(where: { $0 == "lora_A" || $0 == "lora_B" }), place > 0,
            place >= parts.count - 2
        else { return nil }
        return (parts[..<place].joined(separator: "."), parts[place] == "lora_A" ? "A" : "B")
    }

    private static func check(_ factors: Factors, _ module: String, _ config: Config, _ path: String) throws {
        let (a, b) = (factors.a.shape, factors.b.shape)
        guard a.count == 2, b.count == 2, a[0] == config.rank, b[1] == config.rank else {
            throw CheckpointError(
                "\(path): \(shown(module)): factors of shape \(a) and \(b), expected [\(config.rank), in] and "
                    + "[out, \(config.rank)]")
        }
    }
}
