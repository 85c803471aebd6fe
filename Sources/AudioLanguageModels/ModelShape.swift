import Checkpoints
import Foundation

/// What a model needs of memory by its shape alone.
public struct ModelShape: Sendable, Equatable {
    public var decoder: DecoderConfig
    /// Bytes as they are stored: of the decoder (its layers, norm and head), of the layers' linear modules among them, and of the
    /// other tensors that are used: encoder, projector, the embedding table where it is not the head too.
    public var decoderBytes: Int, layerBytes: Int, otherBytes: Int

    public init(decoder: DecoderConfig, decoderBytes: Int, layerBytes: Int, otherBytes: Int) {
        self.decoder = decoder
        self.decoderBytes = decoderBytes
        self.layerBytes = layerBytes
        self.otherBytes = otherBytes
    }

    /// Parts of folders that no family uses.
    private static let unused = ["talker.", "token2wav.", "visual.", "mimo_"]
    private static let heard = ["audio_tower.", "encoder.", "projector.", "vq_adaptor."]

    init(_ files: HFFolder, decoder: DecoderConfig) throws {
        self.init(decoder: decoder, decoderBytes: 0, layerBytes: 0, otherBytes: 0)
        let tied = !files.names.contains { $0.hasSuffix("lm_head.weight") }
        for name in files.names where !Self.unused.contains(where: name.contains) {
            let info = try files.info(name), bytes = info.count * info.type.bytes
            if Self.heard.contains(where: name.contains) || (!tied && name.contains("embed_tokens")) {
                otherBytes += bytes
            } else {
                decoderBytes += bytes
                if name.contains("_proj.") && !name.hasSuffix(".bias") { layerBytes += bytes }
            }
        }
        // Parts in folders of their own (Kimi-Audio's).
        let inside = try FileManager.default.subpathsOfDirectory(atPath: files.url.path)
        for path in inside where path.contains("/") && path.hasSuffix(".safetensors") {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: files.url.appendingPathComponent(path).path)
            otherBytes += attributes[.size] as? Int ?? 0
        }
    }

    /// Of a model that is loaded.
    public init(_ model: any AudioLanguageModel) throws { try self.init(model.files, decoder: model.decoder.config) }

    /// Elements of one layer's linear modules.
    public static func linearElements(_ d: DecoderConfig) -> Int {
        let attention = d.heads * d.headDimension, groups = d.keyValueHeads * d.headDimension
        return d.hiddenSize * (2 * attention + 2 * groups + 3 * d.intermediateSize)
    }
}
