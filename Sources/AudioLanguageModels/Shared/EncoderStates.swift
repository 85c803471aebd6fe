import MLX

/// What is kept of an encoder's stages for the layer-wise analyses of the encoder.
public enum EncoderStates {
    /// The stages [1, rows, width] of parts of a clip that were heard one by one, as those of the clip.
    static func joined(_ parts: [[MLXArray]]) -> [MLXArray] {
        (parts.first ?? []).indices.map { i in concatenated(parts.map { $0[i] }, axis: 1) }
    }

    /// Mean and population standard deviation over time of each stage: [stages][2 x width].
    public static func summary(_ stages: [MLXArray]) throws -> [[Float]] {
        let all = stages.map { x -> MLXArray in
            let mean = x.mean(axes: [1], keepDims: true)
            let deviation = sqrt((x - mean).square().mean(axes: [1]))
            return concatenated([mean.squeezed(axis: 1), deviation], axis: 1).squeezed(axis: 0)
        }
        let width = all.first?.dim(0) ?? 0
        let flat = try concatenated(all).asArray()
        return stride(from: 0, to: flat.count, by: max(1, width)).map { Array(flat[$0..<$0 + width]) }
    }
}
