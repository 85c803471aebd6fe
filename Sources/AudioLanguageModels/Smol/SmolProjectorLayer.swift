import MLX
import MLXNN

/// A pre-norm block over a whole clip: attention in both directions with rotary positions, then an MLP.
final class SmolProjectorLayer: Module {
    @ModuleInfo(key: "self_attn_layer_norm") var attentionNorm: LayerNorm
    @ModuleInfo var qkv: Linear
    @ModuleInfo(key: "out_proj") var output: Linear
    @ModuleInfo(key: "final_layer_norm") var finalNorm: LayerNorm
    @ModuleInfo var fc1: Linear
    @ModuleInfo var fc2: Linear
    let heads: Int

    init(_ width: Int, seed: UInt64) {
        heads = width % 64 == 0 ? width / 64 : 1
        _attentionNorm.wrappedValue = LayerNorm(width)
        qkv = Linear(width, 3 * width, seed: seed &+ 1)
        _output.wrappedValue = Linear(width, width, seed: seed &+ 2)
        _finalNorm.wrappedValue = LayerNorm(width)
        fc1 = Linear(width, 4 * width, seed: seed &+ 3)
        fc2 = Linear(4 * width, width, seed: seed &+ 4)
    }

    /// x [B, n, width]; `counts` [B]: how many of the n vectors each clip has, nil where all count.
    func callAsFunction(_ x: MLXArray, counts: MLXArray?, dropout: ((MLXArray) -> MLXArray)?) -> MLXArray {
        let (B, n, width) = (x.dim(0), x.dim(1), x.dim(2))
        let start = MLXArray([Int32](repeating: 0, count: B))
        let all = qkv(attentionNorm(x)).reshaped([B, n, 3, heads, width / heads])
        let part = { (i: Int) in all.slice(i..<i + 1, axis: 2).squeezed(axis: 2) }
        let y = Fused.attention(
            queries: Fused.rope(part(0), positions: start, base: 10_000),
            keys: Fused.rope(part(1), positions: start, base: 10_000), values: part(2),
            first: counts.map { _ in start }, last: counts, scale: 1 / Float(width / heads).squareRoot(), causal: false)
        let drop = dropout ?? { $0 }
        let h = x + drop(output(y.reshaped([B, n, width])))
        return h + drop(fc2(Fused.gelu(fc1(finalNorm(h)))))
    }
}
