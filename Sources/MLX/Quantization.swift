import CMLX

/// A frozen matrix [out, in] in MLX's affine format: by groups along a row, an element is scale q + bias, and the unsigned
/// numbers q are packed into 32-bit words, the lowest bits first. With groups of 64 it takes 9 bits an element, or 5.
public struct QuantizedWeight: Sendable {
    /// [out, in bits / 32], uint32.
    public var weight: MLXArray
    /// [out, in / groupSize], f32.
    public var scales: MLXArray, biases: MLXArray
    /// Elements that share a scale and a bias: 32, 64 or 128.
    public var groupSize: Int
    /// 8 or 4.
    public var bits: Int

    public init(weight: MLXArray, scales: MLXArray, biases: MLXArray, groupSize: Int, bits: Int) {
        self.weight = weight
        self.scales = scales
        self.biases = biases
        self.groupSize = groupSize
        self.bits = bits
    }

    var handle: cmlx_matrix {
        cmlx_matrix(
            data: weight.handle, scales: scales.handle, biases: biases.handle, group: Int32(clamping: groupSize),
            bits: Int32(clamping: bits))
    }
}

/// w [out, in] (f32, bf16 or f16) in MLX's affine format; `in` must be a multiple of the group. The least and the greatest
/// element of a group are the ends of its scale, so that no element is off by more than half a step. An element that is
/// not finite makes its whole group NaN.
public func quantized(
    _ w: MLXArray, groupSize: Int = 64, bits: Int = 4
) -> (wq: MLXArray, scales: MLXArray, biases: MLXArray) {
    var out = [cmlx_array?](repeating: nil, count: 3)
    let failed = alive(w) { cmlx_quantize(w.handle, Int32(clamping: groupSize), Int32(clamping: bits), &out) }
    let arrays = out.map { wrap(failed == 0 ? $0 : nil) }
    return (arrays[0], arrays[1], arrays[2])
}

/// The f32 matrix [out, in] that a quantised one stands for.
public func dequantized(
    _ w: MLXArray, scales: MLXArray, biases: MLXArray, groupSize: Int = 64, bits: Int = 4
) -> MLXArray {
    let matrix = QuantizedWeight(weight: w, scales: scales, biases: biases, groupSize: groupSize, bits: bits)
    return alive(matrix) { wrap(cmlx_dequantize(matrix.handle)) }
}
