import MLX

/// A linear layer whose weight is stored in MLX's affine format, in 8 or 4 bits an element. Frozen.
///
/// The paths of its parameters are those of MLX's checkpoints: `weight` (packed), `scales`, `biases` (of the groups) and
/// `bias` (of the layer).
public final class QuantizedLinear: Linear {
    @ParameterInfo public var scales: MLXArray
    @ParameterInfo public var biases: MLXArray
    public let groupSize: Int, bits: Int

    /// weight [out, in bits / 32] uint32, scales and biases [out, in / groupSize] (kept as f32), bias [out]. Throws where
    /// they do not fit together, or the kernels know no such groups or bits.
    public init(
        weight: MLXArray, bias: MLXArray? = nil, scales: MLXArray, biases: MLXArray, groupSize: Int, bits: Int
    ) throws {
        self.scales = scales.asType(.float32)
        self.biases = biases.asType(.float32)
        self.groupSize = groupSize
        self.bits = bits
        super.init(weight: weight, bias: bias)
        _ = try withError { denseWeight() }  // checked when it is built, never computed
        if let bias, bias.shape != [weight.dim(0)] {
            throw ModuleError("a quantised layer of \(weight.dim(0)) outputs has a bias of shape \(bias.shape)")
        }
        freeze()
    }
    /// The same linear map, up to half a step of each group. `in` must be a multiple of `groupSize`.
    public convenience init(_ other: Linear, groupSize: Int = 64, bits: Int = 4) throws {
        let (weight, scales, biases) = try withError {
            quantized(other.denseWeight(), groupSize: groupSize, bits: bits)
        }
        try self.init(
            weight: weight, bias: other.bias, scales: scales, biases: biases, groupSize: groupSize, bits: bits)
    }

    private var stored: QuantizedWeight {
        QuantizedWeight(weight: weight, scales: scales, biases: biases, groupSize: groupSize, bits: bits)
    }
    public override func unfreeze() {}

    public override var shape: (Int, Int) { (weight.dim(0), weight.dim(1) * 32 / bits) }
    public override func denseWeight() -> MLXArray {
        dequantized(weight, scales: scales, biases: biases, groupSize: groupSize, bits: bits)
    }
    public override func callAsFunction(_ x: MLXArray) -> MLXArray { Fused.linear(x, stored, bias: bias) }
    public override func adapted(_ x: MLXArray, a: MLXArray, b: MLXArray, scale: Float) -> MLXArray {
        Fused.loraLinear(x, stored, bias: bias, a: a, b: b, scale: scale)
    }
}

/// Puts a ``QuantizedLinear`` in the place of every plain ``Linear`` of a tree of modules that `filter` lets through (path
/// and layer; default: all). Each is computed at once, so that only one layer at a time exists both ways.
///
///     try quantize(module: decoder, bits: 8) { path, _ in path.contains(".layers.") }
///
/// To be done before adapters are attached. Throws a ``ModuleError`` that names the first layer whose shape does not allow
/// it; then nothing has been replaced.
public func quantize(
    module: Module, groupSize: Int = 64, bits: Int = 4, filter: (String, Module) -> Bool = { _, _ in true }
) throws {
    var chosen: Set<String> = []
    for (path, layer) in module.namedModules() where filter(path, layer) {
        guard let linear = layer as? Linear, !(linear is QuantizedLinear) else { continue }
        if linear is LoRALinear { throw ModuleError("\(path) has an adapter: quantise before adapters are attached") }
        guard linear.shape.1.isMultiple(of: max(groupSize, 1)) else {
            throw ModuleError(
                "\(path) has \(linear.shape.1) inputs, which groups of \(groupSize) do not divide: choose smaller groups, or leave it out"
            )
        }
        chosen.insert(path)
    }
    try module.replaceModules { path, layer in
        guard chosen.contains(path), let linear = layer as? Linear else { return nil }
        let small = try QuantizedLinear(linear, groupSize: groupSize, bits: bits)
        try eval(small.weight, small.scales, small.biases)
        return small
    }
}
