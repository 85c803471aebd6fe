import MLX
import MLXNN
import XCTest

final class QuantizedLinearTests: XCTestCase {
    private final class Block: Module {
        @ModuleInfo(key: "q_proj") var query: Linear
        @ModuleInfo(key: "experts") var list: [Linear]
        @ModuleInfo(key: "lm_head") var head: Linear?
        @ModuleInfo var absent: Linear?
        @ModuleInfo var norm: RMSNorm
        override init() {
            _query.wrappedValue = Linear(64, 5, seed: 1)
            _list.wrappedValue = [Linear(64, 3, bias: false, seed: 2), Linear(128, 64, seed: 3)]
            _head.wrappedValue = Linear(64, 7, bias: false, seed: 4)
            absent = nil
            norm = RMSNorm(64, eps: 1e-5)
        }
    }
    private final class Stack: Module {
        @ModuleInfo var blocks: [Block] = [Block(), Block()]
    }

    func testALayerIsItsDenseMatrixAndItsBias() throws {
        let linear = Linear(128, 30, seed: 1), x = MLXArray.normal([6, 128], seed: 2)
        for bits in [8, 4] {
            let small = try QuantizedLinear(linear, groupSize: 64, bits: bits)
            XCTAssertEqual(small.namedParameters().map(\.path), ["weight", "bias", "scales", "biases"])
            XCTAssertTrue(small.shape == (30, 128))
            let expected = matmul(x, small.denseWeight().T) + linear.bias!
            XCTAssertLessThan(try abs(small(x) - expected).max().item(), 1e-5)
            let step = try small.scales.max().item()
            XCTAssertLessThanOrEqual(try abs(small.denseWeight() - linear.weight).max().item(), 0.501 * step)
        }
        let half = try QuantizedLinear(Linear(weight: linear.weight.asType(.bfloat16), bias: nil), bits: 8)
        let same = try QuantizedLinear(
            weight: half.weight, scales: half.scales.asType(.float16), biases: half.biases, groupSize: 64, bits: 8)
        XCTAssertEqual(same.scales.dtype, .float32, "what a checkpoint holds as halves is widened")
        XCTAssertLessThan(try abs(same(x) - half(x)).max().item(), 0.01)
    }

    func testArraysThatDoNotFitAreRefused() throws {
        let q = try QuantizedLinear(Linear(64, 20, seed: 1), groupSize: 32, bits: 8)
        func layer(
            weight: MLXArray? = nil, bias: MLXArray? = nil, scales: MLXArray? = nil, groupSize: Int = 32, bits: Int = 8
        ) throws {
            _ = try QuantizedLinear(
                weight: weight ?? q.weight, bias: bias, scales: scales ?? q.scales, biases: q.biases,
                groupSize: groupSize, bits: bits)
        }
        XCTAssertNoThrow(try layer())
        for wrong in [
            { try layer(bits: 0) }, { try layer(bits: 4) }, { try layer(groupSize: 64) }, { try layer(groupSize: 0) },
            { try layer(scales: q.scales[0..<19]) }, { try layer(scales: q.scales.reshaped([40])) },
            { try layer(weight: q.weight.reshaped([320])) }, { try layer(weight: q.denseWeight()) },
        ] { XCTAssertThrowsError(try wrong()) { XCTAssertTrue($0 is MLXError, "\($0)") } }
        XCTAssertThrowsError(try layer(bias: .zeros([19]))) {
            XCTAssertTrue($0 is ModuleError && "\($0)".contains("[19]"), "\($0)")
        }
        XCTAssertThrowsError(try QuantizedLinear(Linear(65, 4), groupSize: 32, bits: 8)) {
            XCTAssertTrue("\($0)".contains("multiple of the group"), "\($0)")
        }
    }

    func testLoRAWrapsAQuantisedLayer() throws {
        let base = try QuantizedLinear(Linear(64, 20, seed: 1), groupSize: 32, bits: 4)
        let lora = LoRALinear(base, rank: 2, alpha: 6, seed: 4), x = MLXArray.normal([5, 64], seed: 5)
        XCTAssertTrue(lora.base === base)
        XCTAssertEqual(
            lora.namedParameters().map(\.path),
            ["weight", "bias", "scales", "biases", "lora_A.weight", "lora_B.weight"])
        XCTAssertEqual(Set(lora.trainableParameters().keys), ["lora_A.weight", "lora_B.weight"])
        XCTAssertEqual(lora.loraA.shape, [2, 64])
        XCTAssertLessThan(try abs(lora(x) - base(x)).max().item(), 1e-6)
        lora.loraB = .normal([20, 2], seed: 6)
        let low = matmul(matmul(x, lora.loraA.T), lora.loraB.T) * 3
        XCTAssertLessThan(try abs(lora(x) - base(x) - low).max().item(), 1e-5)
        XCTAssertGreaterThan(try abs(low).max().item(), 0.1)
        XCTAssertLessThan(try abs(matmul(x, lora.mergedWeight().T) + base.bias! - lora(x)).max().item(), 1e-5)
        // An adapter over an adapter counts both.
        let second = LoRALinear(lora, rank: 1, alpha: 1, seed: 7)
        second.loraB = .normal([20, 1], seed: 8)
        let more = matmul(matmul(x, second.loraA.T), second.loraB.T)
        XCTAssertLessThan(try abs(second(x) - lora(x) - more).max().item(), 1e-5)
        XCTAssertLessThan(try abs(matmul(x, second.mergedWeight().T) + base.bias! - second(x)).max().item(), 1e-5)
    }

    func testAnAdaptedLayerAndItsBaseHoldTheSameParameters() throws {
        let base = Linear(6, 5, seed: 3), lora = LoRALinear(base, rank: 2, alpha: 6, seed: 4)
        var values = lora.parameters()
        XCTAssertEqual(Set(values.keys), ["weight", "bias", "lora_A.weight", "lora_B.weight"])
        values["weight"] = .ones([5, 6])
        try lora.update(parameters: values)
        XCTAssertEqual(try base.weight.asArray(), [Float](repeating: 1, count: 30))
        base.bias = .ones([5])
        let x = MLXArray.ones([1, 6])
        XCTAssertEqual(try lora(x).asArray(), [7, 7, 7, 7, 7])
    }

    func testUnfreezingLeavesAPackedWeightFrozen() throws {
        let stack = Stack()
        try quantize(module: stack, bits: 8) { path, _ in path.hasSuffix("q_proj") }
        stack.blocks[0].query = LoRALinear(stack.blocks[0].query, rank: 2, alpha: 2, seed: 1)
        stack.freeze()
        XCTAssertTrue(stack.trainableParameters().isEmpty)
        stack.unfreeze()
        let trainable = stack.trainableParameters().keys
        XCTAssertEqual(
            trainable.filter { $0.contains("q_proj") }.sorted(),
            ["blocks.0.q_proj.lora_A.weight", "blocks.0.q_proj.lora_B.weight"])
        XCTAssertTrue(trainable.contains("blocks.1.lm_head.weight") && trainable.contains("blocks.1.norm.weight"))
    }

    func testQuantizeReplacesWhatTheFilterLetsThrough() throws {
        let stack = Stack(), x = MLXArray.normal([6, 64], seed: 2)
        let before = try stack.blocks[1].query(x).asArray(), untouched = stack.blocks[0].list[1]
        try quantize(module: stack, groupSize: 32, bits: 8) { path, _ in path != "blocks.0.experts.1" }
        let found = stack.namedModules().filter { $0.module is QuantizedLinear }.map(\.path)
        XCTAssertEqual(
            found,
            [
                "blocks.0.q_proj", "blocks.0.experts.0", "blocks.0.lm_head", "blocks.1.q_proj", "blocks.1.experts.0",
                "blocks.1.experts.1", "blocks.1.lm_head",
            ])
        XCTAssertTrue(stack.blocks[0].list[1] === untouched)
        let after = try stack.blocks[1].query(x).asArray(), worst = zip(before, after).map { Swift.abs($0 - $1) }.max()
        XCTAssertLessThan(worst ?? 1, 0.01)
        XCTAssertGreaterThan(worst ?? 0, 0, "the quantised layer is the one that is called")
        let layers = stack.namedModules().map { ObjectIdentifier($0.module) }
        try quantize(module: stack, groupSize: 32, bits: 4) { path, _ in path != "blocks.0.experts.1" }
        XCTAssertEqual(stack.namedModules().map { ObjectIdentifier($0.module) }, layers, "never twice")
    }

    func testQuantizeHoldsOneLayerAtATimeBothWays() throws {
        final class Wide: Module {
            @ModuleInfo var layers: [Linear] = (0..<16).map { Linear(512, 512, bias: false, seed: $0) }
        }
        let wide = Wide(), layer = 512 * 512 * 4
        try eval(Array(wide.parameters().values))
        let before = Memory.active
        Memory.resetPeak()
        try quantize(module: wide, bits: 8)
        XCTAssertLessThan(Memory.peak, before + layer)
        XCTAssertLessThan(Memory.active, before - 16 * layer * 2 / 3)
    }

    func testQuantizeRefusesBeforeItReplaces() throws {
        let stack = Stack()
        XCTAssertThrowsError(try quantize(module: stack, groupSize: 128)) {
            XCTAssertTrue($0 is ModuleError && "\($0)".contains("blocks.0.q_proj has 64 inputs"), "\($0)")
        }
        for (groupSize, bits) in [(64, 3), (16, 4), (0, 4), (-64, 4)] {
            XCTAssertThrowsError(try quantize(module: stack, groupSize: groupSize, bits: bits)) {
                XCTAssertTrue($0 is MLXError, "\($0)")
            }
        }
        stack.blocks[1].query = LoRALinear(stack.blocks[1].query, rank: 2, alpha: 2, seed: 1)
        XCTAssertThrowsError(try quantize(module: stack)) {
            XCTAssertTrue($0 is ModuleError && "\($0)".contains("blocks.1.q_proj has an adapter"), "\($0)")
        }
        XCTAssertFalse(stack.namedModules().contains { $0.module is QuantizedLinear })
    }

    func testAPropertyOfANarrowerTypeIsRefused() throws {
        final class Own: Linear {}
        final class Narrow: Module {
            @ModuleInfo var own: Own = Own(64, 4)
        }
        XCTAssertThrowsError(try quantize(module: Narrow())) {
            XCTAssertTrue($0 is ModuleError && "\($0)".contains("own is declared as a type"), "\($0)")
        }
    }

    func testAnEmbeddingInHalvesGivesWholeRows() throws {
        let table = MLXArray.normal([11, 8], seed: 1), ids = MLXArray([3, 0, 10, 3] as [Int32], [2, 2])
        let x = MLXArray.normal([6, 8], seed: 2)
        for type in [DType.float32, .bfloat16, .float16] {
            let embedding = Embedding(11, 8), stored = table.asType(type)
            embedding.weight = stored
            let rows = embedding(ids)
            XCTAssertEqual(rows.dtype, .float32)
            XCTAssertEqual(rows.shape, [2, 2, 8])
            let whole = try stored.asType(.float32).asArray()
            XCTAssertEqual(try rows.asArray(), [3, 0, 10, 3].flatMap { whole[$0 * 8..<$0 * 8 + 8] })
            for x in [x, x[0..<1]] {
                let expected = matmul(x, stored.asType(.float32).T)
                XCTAssertLessThan(try abs(embedding.asLinear(x) - expected).max().item(), 1e-5)
            }
        }
    }
}
