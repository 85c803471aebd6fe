import Foundation
import MLX

/// A model folder in Hugging Face's layout: `config.json` with `model.safetensors`, or with shards and
/// `model.safetensors.index.json`.
///
///     let folder = try HFFolder(url)
///     let layers = try folder.config.int("num_hidden_layers", in: 1...1000)
///     let embedding = try folder.array("model.embed_tokens.weight")
public final class HFFolder: TensorSource {
    /// The folder.
    public let url: URL
    /// The contents of `config.json`.
    public let config: JSONObject
    /// All tensor names, sorted.
    public let names: [String]
    /// Names of the weight files, sorted.
    public let shards: [String]
    private let owners: [String: SafetensorsFile]
    /// What is added to the stored weights, by tensor name.
    private let adapter: PEFTAdapter?
    /// Files that belong to the model and lie elsewhere, by the name that they have in a copy of the folder.
    private let companions: [String: URL]
    /// Of the file that says which shard has a tensor.
    public static let indexName = "model.safetensors.index.json"

    /// Opens the configuration and all headers. Tensors are read when asked for.
    /// - Parameters:
    ///   - adapter: is worked into the weights wherever they are read, so that the folder is that of the adapted model.
    ///   - companions: files that `copyOthers` copies too, by their names in the copy.
    /// - Throws: `CheckpointError` also for an adapter with a module that the folder lacks or that has another shape there.
    public init(_ url: URL, adapter: PEFTAdapter? = nil, companions: [String: URL] = [:]) throws {
        self.url = url
        self.companions = companions
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw CheckpointError("no such model folder: \(url.path)")
        }
        guard isFolder.boolValue else {
            throw CheckpointError("\(url.path) is a file: give the folder that holds config.json and model.safetensors")
        }
        let configURL = url.appendingPathComponent("config.json")
        guard FileManager.default.fileExists(atPath: configURL.path) else {
            throw CheckpointError("\(url.path) has no config.json: not a model folder in Hugging Face layout")
        }
        config = try JSONFile.object(at: configURL)
        let single = url.appendingPathComponent("model.safetensors")
        let index = url.appendingPathComponent(Self.indexName)
        if FileManager.default.fileExists(atPath: index.path) {
            owners = try Self.sharded(index)
        } else if FileManager.default.fileExists(atPath: single.path) {
            let file = try SafetensorsFile(single)
            owners = Dictionary(uniqueKeysWithValues: file.names.map { ($0, file) })
        } else {
            throw CheckpointError(
                "\(url.path) has neither model.safetensors nor model.safetensors.index.json: "
                    + "download the safetensors files of the model, or convert the weights to safetensors")
        }
        names = owners.keys.sorted()
        shards = Set(owners.values.map(\.url.lastPathComponent)).sorted()
        self.adapter = adapter
        for (module, pair) in adapter?.modules ?? [:] {
            let name = module + ".weight"
            guard let info = try owners[name]?.info(name), info.type.dtype != nil,
                info.shape == [pair.b.dim(0), pair.a.dim(1)]
            else {
                throw CheckpointError(
                    "\(url.path): the adapter has the module \(shown(module)) with a weight of shape "
                        + "[\(pair.b.dim(0)), \(pair.a.dim(1))], which this model lacks: the adapter is another model's"
                )
            }
        }
    }

    private static func sharded(_ index: URL) throws -> [String: SafetensorsFile] {
        let map = try JSONFile.object(at: index).object("weight_map")
        var files: [String: SafetensorsFile] = [:]
        var owners: [String: SafetensorsFile] = [:]
        for name in map.keys {
            let shard = try map.string(name)
            guard isPlain(shard) else {
                throw CheckpointError(
                    "\(map.place): \(shown(name)) is said to be in \"\(shown(shard))\": expected the plain name of a "
                        + ".safetensors file inside the folder")
            }
            if files[shard] == nil {
                guard files.count < CheckpointLimits.shards else {
                    throw CheckpointError("\(map.place): more than \(CheckpointLimits.shards) shards")
                }
                let url = index.deletingLastPathComponent().appendingPathComponent(shard)
                guard FileManager.default.fileExists(atPath: url.path) else {
                    throw CheckpointError(
                        "\(url.path) is missing, but \(index.lastPathComponent) names it: download it")
                }
                files[shard] = try SafetensorsFile(url)
            }
            owners[name] = files[shard]
        }
        for (shard, file) in files.sorted(by: { $0.key < $1.key }) {
            for name in file.names where owners[name] !== file {
                let claim =
                    owners[name].map { "the index says \($0.url.lastPathComponent)" } ?? "the index does not name it"
                throw CheckpointError("\(index.path): tensor \(shown(name)) is in \(shard), but \(claim)")
            }
        }
        for (name, file) in owners.sorted(by: { $0.key < $1.key }) where (try? file.info(name)) == nil {
            throw CheckpointError(
                "\(file.url.path) has no tensor \(shown(name)), but \(index.lastPathComponent) says so")
        }
        guard !owners.isEmpty else { throw CheckpointError("\(index.path): the weight map is empty") }
        return owners
    }

    private static func isPlain(_ name: String) -> Bool {
        name.hasSuffix(".safetensors") && !name.hasPrefix(".") && name.utf8.count <= 255
            && !name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0.value < 0x20 }
    }

    /// Type and shape of a tensor.
    public func info(_ name: String) throws -> TensorInfo { try owner(name).info(name) }

    /// A copy of a tensor in the engine's memory, in the stored type.
    public func array(_ name: String) throws -> MLXArray {
        let file = try owner(name)
        guard let update = update(of: name), let type = try file.info(name).type.dtype else {
            return try file.array(name)
        }
        let merged = try (file.mapped(name).asType(.float32) + update).asType(type)
        try eval(merged)
        return merged
    }

    /// Throws, naming file and tensor, unless every element of a tensor is finite.
    public func checkFinite(_ name: String) throws { try owner(name).checkFinite(name) }

    /// The tensor over its file's own pages: see `SafetensorsFile.mapped`. One that the adapter changes is a copy.
    public func mapped(_ name: String) throws -> MLXArray {
        try update(of: name) == nil ? owner(name).mapped(name) : array(name)
    }

    /// The bytes of a tensor in its stored type.
    public func data(_ name: String) throws -> Data {
        try update(of: name) == nil ? owner(name).data(name) : array(name).rawData()
    }

    /// The names of one weight file's tensors, sorted.
    public func names(in shard: String) throws -> [String] {
        names.filter { owners[$0]?.url.lastPathComponent == shard }
    }

    /// Whether a tensor is there.
    public func has(_ name: String) -> Bool { owners[name] != nil }

    /// Copies what the folder holds besides its weights: configuration, tokenizer, index, the folders of further parts. The same
    /// weights in another layout, which some downloads hold too, stay behind. Links are followed.
    public func copyOthers(to folder: URL) throws {
        let manager = FileManager.default
        let others = try manager.contentsOfDirectory(atPath: url.path).sorted().filter {
            !shards.contains($0) && !Self.isOtherLayout($0) && $0 != AtomicDirectory.manifestName && !$0.hasPrefix(".")
        }
        var sources = companions
        for name in others where companions[name] == nil { sources[name] = url.appendingPathComponent(name) }
        for (name, source) in sources.sorted(by: { $0.key < $1.key }) {
            try Self.copy(source, to: folder.appendingPathComponent(name))
        }
    }

    /// `consolidated.safetensors` of Mistral's downloads, files of torch and of llama.cpp.
    private static func isOtherLayout(_ name: String) -> Bool {
        name.hasPrefix("consolidated.") || [".bin", ".pt", ".pth", ".gguf"].contains { name.hasSuffix($0) }
    }

    private static func copy(_ source: URL, to target: URL, depth: Int = 0) throws {
        let manager = FileManager.default, source = source.resolvingSymlinksInPath()
        guard depth < 16 else {
            throw CheckpointError("\(source.path): folders lie too deep in each other, or in a circle")
        }
        var isFolder: ObjCBool = false
        guard manager.fileExists(atPath: source.path, isDirectory: &isFolder), isFolder.boolValue else {
            return try manager.copyItem(at: source, to: target)
        }
        try manager.createDirectory(at: target, withIntermediateDirectories: false)
        for name in try manager.contentsOfDirectory(atPath: source.path).sorted() {
            try copy(source.appendingPathComponent(name), to: target.appendingPathComponent(name), depth: depth + 1)
        }
    }

    /// What the adapter adds to a tensor; nil: nothing. Not computed before it is read.
    private func update(of name: String) -> MLXArray? {
        name.hasSuffix(".weight") ? adapter?.update(of: String(name.dropLast(".weight".count))) : nil
    }

    private func owner(_ name: String) throws -> SafetensorsFile {
        guard let file = owners[name] else { throw CheckpointError("\(url.path) has no tensor \(name)") }
        return file
    }
}
