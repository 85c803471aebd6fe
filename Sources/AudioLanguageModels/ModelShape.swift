import Checkpoints
import Foundation

/// What a model needs of memory by its shape alone.
public struct ModelShape: Sendable, Equatable {
    public var decoder: DecoderConfig
    /// Bytes of all tensors that are used, as they are stored, and of the linear modules of the decoder's layers among them.
    public var weightBytes: Int, layerBytes: Int

    public init(decoder: DecoderConfig, weightBytes: Int, layerBytes: Int) {
        self.decoder = decoder
        self.weightBytes = weightBytes
        self.layerBytes = layerBytes
    }

    /// Parts of folders that no family uses.
    private static let unused = ["talker.", "token2wav.", "visual.", "mimo_"]

    init(_ files: HFFolder, decoder: DecoderConfig) throws {
        self.decoder = decoder
        weightBytes = 0
        for name in files.names where !Self.unused.contains(where: name.contains) {
            let info = try files.info(name)
            weightBytes += info.count * info.type.bytes
        }
        // Parts in folders of their own (Kimi-Audio's).
        let inside = try FileManager.default.subpathsOfDirectory(atPath: files.url.path)
        for path in inside where path.contains("/") && path.hasSuffix(".safetensors") {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: files.url.appendingPathComponent(path).path)
            weightBytes += attributes[.size] as? Int ?? 0
        }
        let gate = files.names.first { $0.hasSuffix("mlp.gate_proj.weight") }
        layerBytes =
            decoder.layers * Self.linearElements(decoder) * (try gate.map { try files.info($0).type.bytes } ?? 4)
    }

    /// Elements of one layer's linear modules.
    public static func linearElements(_ d: DecoderConfig) -> Int {
        let attention = d.heads * d.headDimension, groups = d.keyValueHeads * d.headDimension
        return d.hiddenSize * (2 * attention + 2 * groups + 3 * d.intermediateSize)
    }
}
