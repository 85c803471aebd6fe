import MLX
import MLXNN
import XCTest

final class ModuleTests: XCTestCase {
    private final class Inner: Module {
        @ModuleInfo(key: "q_proj") var query: Linear
        @ModuleInfo var norm: RMSNorm
        override init() {
            _query.wrappedValue = Linear(3, 2, bias: false)
            norm = RMSNorm(3, eps: 1e-5)
        }
    }
    private final class Outer: Module {
        @ModuleInfo(key: "model.layers") var layers: [Inner]
        @ModuleInfo(key: "lm_head") var head: Linear?
        @ModuleInfo var out: Linear
        @ParameterInfo(key: "class_embedding") var token: MLXArray
        @ParameterInfo var scale: MLXArray
        let notAParameter = MLXArray.zeros([7])
        override init() {
            _layers.wrappedValue = [Inner(), Inner()]
            _head.wrappedValue = nil
            out = Linear(2, 4, seed: 1)
            _token.wrappedValue = .zeros([5])
            scale = .ones([1])
        }
    }

    func testPathsFollowKeysAndLists() {
        let outer = Outer()
        XCTAssertEqual(
            outer.namedParameters().map(\.path),
            [
                "model.layers.0.q_proj.weight", "model.layers.0.norm.weight", "model.layers.1.q_proj.weight",
                "model.layers.1.norm.weight", "out.weight", "out.bias", "class_embedding", "scale",
            ])
        XCTAssertEqual(
            outer.namedModules().map(\.path),
            [
                "model.layers.0", "model.layers.0.q_proj", "model.layers.0.norm", "model.layers.1",
                "model.layers.1.q_proj", "model.layers.1.norm", "out",
            ])
        outer.head = Linear(3, 1)
        XCTAssertTrue(outer.parameters().keys.contains("lm_head.bias"), "an optional module counts once it is there")
    }

    func testFreezeReachesEverything() {
        let outer = Outer()
        XCTAssertEqual(outer.trainableParameters().count, 8)
        outer.freeze()
        XCTAssertTrue(outer.trainableParameters().isEmpty)
        outer.layers[1].unfreeze()
        XCTAssertEqual(
            Set(outer.trainableParameters().keys), ["model.layers.1.q_proj.weight", "model.layers.1.norm.weight"])
        outer.unfreeze()
        XCTAssertEqual(outer.trainableParameters().count, 8)
    }

    func testUpdateIsStrictAndNamesTheTensor() throws {
        let outer = Outer()
        var values = outer.parameters()
        values["model.layers.1.q_proj.weight"] = .ones([2, 3])
        values["unused"] = .ones([9])
        try outer.update(parameters: values)
        XCTAssertEqual(try outer.layers[1].query.weight.asArray(), [1, 1, 1, 1, 1, 1])
        XCTAssertEqual(try outer.layers[0].query.weight.asArray(), [0, 0, 0, 0, 0, 0])
        var missing = values
        missing["out.bias"] = nil
        XCTAssertThrowsError(try outer.update(parameters: missing)) {
            XCTAssertTrue($0 is ModuleError && "\($0)" == "tensor out.bias is missing", "\($0)")
        }
        values["class_embedding"] = .zeros([5, 1])
        XCTAssertThrowsError(try outer.update(parameters: values)) {
            XCTAssertTrue("\($0)".contains("class_embedding has shape [5, 1], expected [5]"), "\($0)")
        }
    }

    func testLoRAStartsAsTheLayerItWraps() throws {
        let linear = Linear(6, 5, seed: 3), lora = LoRALinear(linear, rank: 2, alpha: 6, seed: 4)
        XCTAssertEqual(lora.scale, 3)
        XCTAssertEqual(Set(lora.trainableParameters().keys), ["lora_A.weight", "lora_B.weight"])
        XCTAssertEqual(lora.loraA.shape, [2, 6])
        XCTAssertEqual(lora.loraB.shape, [5, 2])
        let bound = 1 / Float(6).squareRoot(), a = try lora.loraA.asArray()
        XCTAssertTrue(a.allSatisfy { Swift.abs($0) <= bound })
        XCTAssertGreaterThan(a.map { Swift.abs($0) }.max() ?? 0, 0.3 * bound)
        let x = MLXArray.normal([3, 6], seed: 5)
        XCTAssertLessThan(try abs(lora(x) - linear(x)).max().item(), 1e-6)
        lora.loraB = .normal([5, 2], seed: 6)
        let low = matmul(matmul(x, lora.loraA.T), lora.loraB.T) * 3
        XCTAssertLessThan(try abs(lora(x) - linear(x) - low).max().item(), 1e-5)
        XCTAssertGreaterThan(try abs(low).max().item(), 0.1)
        XCTAssertLessThan(
            try abs(matmul(x, lora.mergedWeight().T) + linear.bias! - lora(x)).max().item(), 1e-5)
        let again = LoRALinear(linear, rank: 2, alpha: 6, seed: 4)
        XCTAssertEqual(try again.loraA.asArray(), a, "the same seed")
    }

    func testLinearStartsWithinItsBound() throws {
        let linear = Linear(16, 50, seed: 9)
        for values in [try linear.weight.asArray(), try linear.bias!.asArray()] {
            XCTAssertTrue(values.allSatisfy { Swift.abs($0) <= 0.25 })
            XCTAssertGreaterThan(values.max() ?? 0, 0.15)
            XCTAssertLessThan(values.min() ?? 0, -0.15)
        }
    }
}

final class OptimiserTests: XCTestCase {
    /// torch.optim.AdamW's formula, in double precision.
    func testAdamWFollowsItsFormula() throws {
        let start: [Float] = [0.5, -1, 2], parameter = MLXArray(start)
        try eval(parameter)
        let optimiser = try AdamW([parameter], weightDecay: 0.1)
        var p = start.map(Double.init), m = [0.0, 0, 0], v = [0.0, 0, 0]
        for step in 1...4 {
            let g: [Float] = [0.3, -0.02 * Float(step), 4]
            try optimiser.update([parameter], gradients: [MLXArray(g)], learningRate: 0.05)
            for i in 0..<3 {
                m[i] = 0.9 * m[i] + 0.1 * Double(g[i])
                v[i] = 0.999 * v[i] + 0.001 * Double(g[i]) * Double(g[i])
                let a = m[i] / (1 - pow(0.9, Double(step))), b = v[i] / (1 - pow(0.999, Double(step)))
                p[i] = p[i] * (1 - 0.05 * 0.1) - 0.05 * a / (b.squareRoot() + 1e-8)
            }
        }
        XCTAssertEqual(optimiser.step, 4)
        for (found, expected) in zip(try parameter.asArray(), p) {
            XCTAssertEqual(Double(found), expected, accuracy: 1e-5)
        }
    }

    func testTheStateGoesRoundAndFits() throws {
        func steps(_ optimiser: AdamW, _ parameter: MLXArray, _ range: ClosedRange<Int>) throws {
            for i in range {
                try optimiser.update([parameter], gradients: [MLXArray([Float(i), -0.5])], learningRate: 0.1)
            }
        }
        let whole = MLXArray([1, 2] as [Float])
        try eval(whole)
        try steps(AdamW([whole]), whole, 1...6)
        let half = MLXArray([1, 2] as [Float])
        try eval(half)
        let first = try AdamW([half])
        try steps(first, half, 1...3)
        let taken = MLXArray(try half.asArray())
        try eval(taken)
        let second = try AdamW([taken])
        try second.restore(
            step: first.step, m: [MLXArray(try first.m[0].asArray())], v: [MLXArray(try first.v[0].asArray())])
        try steps(second, taken, 4...6)
        XCTAssertEqual(try taken.asArray(), try whole.asArray())
        XCTAssertThrowsError(try second.restore(step: 1, m: [.zeros([3])], v: [.zeros([2])])) {
            XCTAssertTrue($0 is ModuleError, "\($0)")
        }
        XCTAssertEqual(second.step, 6, "a refused state changes nothing")
    }

    func testWarmUpAndCosine() {
        let rate = WarmupCosine(peak: 2, warmup: 4, total: 12)
        for (step, expected) in [(1, 0.5), (2, 1), (4, 2), (8, 1), (12, 0), (20, 0)] as [(Int, Float)] {
            XCTAssertEqual(rate(step), expected, accuracy: 1e-6, "step \(step)")
        }
        XCTAssertEqual(WarmupCosine(peak: 1, warmup: 0, total: 1)(1), 0, accuracy: 1e-6)
        let none = WarmupCosine(peak: 1, warmup: 0, total: 10)
        XCTAssertEqual((1...10).map(none.callAsFunction), (1...10).map(none.callAsFunction).sorted(by: >))
    }

    func testClippingKeepsDirectionsAndScalesTheNorm() throws {
        let gradients = [MLXArray([3, 0] as [Float]), MLXArray([4] as [Float])]
        let (norm, small) = clipped(gradients, maximum: 1)
        XCTAssertEqual(try norm.item(), 5, accuracy: 1e-6)
        XCTAssertEqual(try small[0].asArray()[0], 0.6, accuracy: 1e-5)
        XCTAssertEqual(try small[1].asArray()[0], 0.8, accuracy: 1e-5)
        XCTAssertEqual(try clipped(gradients, maximum: 10).gradients[1].asArray(), [4])
    }
}
