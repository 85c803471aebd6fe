import Foundation
import MLX
import MLXNN
import Tokenization

/// A prompt as the decoder takes it: one vector a position, and which positions are audio.
public struct Prompt {
    /// The placeholder's id at audio positions.
    public var inputIDs: [Int32]
    public var audioMask: [Bool]
    /// [T, hidden], evaluated.
    public var embeddings: MLXArray
    /// Kimi-Audio's second stream, whose embeddings are added to the first's; empty in the other families.
    public var textIDs: [Int32]
    public init(inputIDs: [Int32], audioMask: [Bool], embeddings: MLXArray, textIDs: [Int32] = []) {
        self.inputIDs = inputIDs
        self.audioMask = audioMask
        self.embeddings = embeddings
        self.textIDs = textIDs
    }
    public var count: Int { inputIDs.count }

    /// Text embeddings with each clip's features in the place of its placeholders.
    public init(_ encoded: EncodedPrompt, clips: [AudioFeatures], embedding: Embedding) throws {
        guard !encoded.ids.isEmpty else { throw ModelError("the prompt is empty: expected a clip, or a text") }
        inputIDs = encoded.ids
        textIDs = []
        audioMask = encoded.ids.map { _ in false }
        for span in encoded.audioSpans { for i in span { audioMask[i] = true } }
        embeddings = try Self.spliced(embedding(MLXArray(encoded.ids)), encoded.audioSpans, clips) { $1 }
        try eval(embeddings)
    }

    /// rows [T, width], of which each clip's span becomes what `combine` makes of (those rows, the clip's features).
    static func spliced(
        _ rows: MLXArray, _ spans: [Range<Int>], _ clips: [AudioFeatures], combine: (MLXArray, MLXArray) -> MLXArray
    ) throws -> MLXArray {
        var parts: [MLXArray] = [], end = 0
        for (span, clip) in zip(spans, clips) {
            guard clip.values.count == span.count * clip.width, clip.width == rows.dim(1) else {
                throw ModelError(
                    "the features are \(clip.count) x \(clip.width), expected \(span.count) x \(rows.dim(1))")
            }
            if span.lowerBound > end { parts.append(rows[end..<span.lowerBound]) }
            parts.append(combine(rows[span], MLXArray(clip.values, [clip.count, clip.width])))
            end = span.upperBound
        }
        if end < rows.dim(0) { parts.append(rows[end..<rows.dim(0)]) }
        return concatenated(parts)
    }
}

public enum PaddingSide: Sendable { case left, right }

/// Prompts of several lengths as one batch.
public struct PromptBatch {
    /// [B, T, hidden].
    public let embeddings: MLXArray
    public let positions: BatchPositions
    /// [B, T], 1 / (number of audio positions) at audio positions, else 0: a product with it is the pooled state.
    public let audioWeights: MLXArray
    /// The index of each row's last position.
    public let lastPositions: [Int]
    public let length: Int

    /// Right padding for training and analysis, left padding for generation.
    public init(_ prompts: [Prompt], padding: PaddingSide) {
        let T = prompts.map(\.count).max() ?? 0, width = prompts.first?.embeddings.dim(1) ?? 0
        var rows: [MLXArray] = [], weights: [Float] = []
        for p in prompts {
            let lack = T - p.count
            rows.append(
                lack == 0
                    ? p.embeddings
                    : padded(p.embeddings, widths: [padding == .left ? (lack, 0) : (0, lack), (0, 0)]))
            let share = 1 / Float(max(1, p.audioMask.count { $0 }))
            let own = p.audioMask.map { $0 ? share : 0 }, zeros = [Float](repeating: 0, count: lack)
            weights += padding == .left ? zeros + own : own + zeros
        }
        embeddings = stacked(rows).reshaped([prompts.count, T, width])
        audioWeights = MLXArray(weights, [prompts.count, T])
        length = T
        switch padding {
        case .left:
            lastPositions = prompts.map { _ in T - 1 }
            let lacks = prompts.map { Int32(T - $0.count) }
            positions = BatchPositions(positions: MLXArray(lacks.map { -$0 }), first: MLXArray(lacks), last: nil)
        case .right:
            // A causal decoder never looks ahead: padding on the right needs no mask.
            lastPositions = prompts.map { $0.count - 1 }
            positions = BatchPositions(positions: MLXArray(prompts.map { _ in Int32(0) }))
        }
    }

    /// Mean over the audio positions: [B, T, hidden] -> [B, hidden].
    public func pooled(_ x: MLXArray) -> MLXArray {
        matmul(audioWeights.reshaped([x.dim(0), 1, length]), x).reshaped([x.dim(0), x.dim(2)])
    }
    /// The state of each row's last position: [B, T, hidden] -> [B, hidden].
    public func last(_ x: MLXArray) -> MLXArray {
        let rows = lastPositions.enumerated().map { Int32($0 * length + $1) }
        return x.reshaped([-1, x.dim(2)]).take(MLXArray(rows))
    }
}
