import MLX

/// Attention for encoders that were trained to hear block by block.
extension WhisperAttention {
    /// x [B, T, width] -> [B, T, width]. Every row sees the rows up to the end of its own block of `block` rows, of those
    /// the first `keys`: the rest is padding.
    ///
    /// The rows of a block see the same keys, so each block is one call without a mask.
    func callAsFunction(_ x: MLXArray, block: Int, keys: Int) -> MLXArray {
        let (B, T, D) = (x.dim(0), x.dim(1), x.dim(2) / heads)
        let split = { (y: MLXArray) in y.reshaped([B, T, self.heads, D]) }
        let (queries, allKeys, allValues) = (split(query(x)), split(key(x)), split(value(x)))
        let blocks = stride(from: 0, to: T, by: block).map { start in
            let end = min(start + block, T)
            let seen = 0..<min(end, keys)
            return Fused.attention(
                queries: queries.slice(start..<end, axis: 1), keys: allKeys.slice(seen, axis: 1),
                values: allValues.slice(seen, axis: 1), scale: 1 / Float(D).squareRoot(), causal: false)
        }
        return output(concatenated(blocks, axis: 1).reshaped([B, T, heads * D]))
    }
}

extension WhisperEncoderLayer {
    /// The block with ``WhisperAttention``'s block-causal attention.
    func callAsFunction(_ x: MLXArray, block: Int, keys: Int) -> MLXArray {
        let h = x + attention(attentionNorm(x), block: block, keys: keys)
        return h + fc2(Fused.gelu(fc1(finalNorm(h))))
    }
}
