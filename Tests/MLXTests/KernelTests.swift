import MLX
import XCTest

/// Our kernels against MLX's own operations: values and gradients, and by number of threads.
final class KernelTests: XCTestCase {
    override func tearDown() {
        Device.setPlain(false)
    }

    /// `f` with our kernels and with MLX's operations; 1, 2 and 7 threads.
    func compare(
        _ name: String, _ inputs: [MLXArray], argumentNumbers: [Int]? = nil, tolerance: Float = 2e-4,
        line: UInt = #line, _ f: @escaping ([MLXArray]) -> MLXArray
    ) throws {
        let weight = MLXArray.normal(f(inputs).shape, seed: 99)  // so that no gradient is trivially constant
        func run() throws -> [[Float]] {
            let (value, grads) = try valueAndGrad(
                { (x: [MLXArray]) -> [MLXArray] in
                    let y = f(x)
                    return [(y * weight).sum(), y]
                }, argumentNumbers: argumentNumbers)(inputs)
            return try ([value[1]] + grads).map { try $0.asArray() }
        }
        Device.setPlain(true)
        let expected = try run()
        Device.setPlain(false)
        let threads = Device.threads
        defer { try? Device.setThreads(threads) }
        for n in [1, 2, 7] {
            try Device.setThreads(n)
            let found = try run()
            XCTAssertEqual(found, try run(), "\(name): not bit-equal with \(n) threads", line: line)
            for (k, (a, b)) in zip(found, expected).enumerated() {
                XCTAssertEqual(a.count, b.count, line: line)
                let scale = 1 + (b.map(Swift.abs).max() ?? 0)
                let worst = zip(a, b).map { Swift.abs($0 - $1) }.max() ?? 0
                XCTAssertLessThanOrEqual(worst, tolerance * scale, "\(name), output \(k), \(n) threads", line: line)
            }
        }
    }

    func testPlainIsNotTheSameCode() throws {
        // The comparison below would prove nothing if both ways took the same path.
        let x = MLXArray.normal([64, 64], seed: 1)
        let before = gemmCalls
        try eval(
            Fused.attention(
                queries: x.reshaped([1, 64, 1, 64]), keys: x.reshaped([1, 64, 1, 64]),
                values: x.reshaped([1, 64, 1, 64]),
                scale: 1, causal: true))
        XCTAssertEqual(gemmCalls, before, "the fused attention makes its products inside its own loop")
    }

    func testElementwise() throws {
        let x = MLXArray.normal([4, 33, 130], scale: 3, seed: 1), y = MLXArray.normal([4, 33, 130], seed: 2)
        try compare("swiglu", [x, y]) { Fused.swiglu($0[0], $0[1]) }
        try compare("gelu", [x]) { Fused.gelu($0[0]) }
        try compare("softmax", [x]) { Fused.softmax($0[0]) }
    }

    func testNorms() throws {
        let x = MLXArray.normal([4, 33, 130], scale: 3, seed: 1)
        let w = MLXArray.normal([130], seed: 3), b = MLXArray.normal([130], seed: 4)
        try compare("rms norm", [x, w]) { Fused.rmsNorm($0[0], weight: $0[1], eps: 1e-6) }
        try compare("layer norm", [x, w, b]) { Fused.layerNorm($0[0], weight: $0[1], bias: $0[2], eps: 1e-5) }
    }

    func testLinear() throws {
        let x = MLXArray.normal([4, 33, 130], seed: 1), w = MLXArray.normal([600, 130], scale: 0.1, seed: 4)
        let bias = MLXArray.normal([600], seed: 5), bfloat = w.asType(.bfloat16), half = w.asType(.float16)
        for x in [x, MLXArray.normal([1, 130], seed: 9), MLXArray.normal([3, 130], seed: 9)] {  // many rows, and few
            try compare("linear", [x, w]) { Fused.linear($0[0], $0[1]) }
            try compare("linear with bias", [x, w, bias]) { Fused.linear($0[0], $0[1], bias: $0[2]) }
            try compare("linear, bf16 weight", [x]) { Fused.linear($0[0], bfloat) }
            try compare("linear, f16 weight", [x]) { Fused.linear($0[0], half) }
        }
    }

    func testLoRALinear() throws {
        let x = MLXArray.normal([4, 33, 130], seed: 1), w = MLXArray.normal([600, 130], scale: 0.1, seed: 4)
        let a = MLXArray.normal([8, 130], scale: 0.1, seed: 6), b = MLXArray.normal([600, 8], scale: 0.1, seed: 7)
        let bias = MLXArray.normal([600], seed: 5)
        for w in [w, w.asType(.bfloat16), w.asType(.float16)] {
            try compare("lora", [x, a, b]) { Fused.loraLinear($0[0], w, a: $0[1], b: $0[2], scale: 4) }
            try compare("lora with bias", [x, a, b]) {
                Fused.loraLinear($0[0], w, bias: bias, a: $0[1], b: $0[2], scale: 4)
            }
        }
    }

    func testRoPE() throws {
        let x = MLXArray.normal([3, 21, 4, 16], seed: 1)
        let positions = MLXArray([0, 7, -3] as [Int32])
        try compare("rope", [x]) { Fused.rope($0[0], positions: positions, base: 10_000) }
    }

    func testAttention() throws {
        let q = MLXArray.normal([3, 20, 6, 16], seed: 5)
        let k = MLXArray.normal([3, 40, 2, 16], seed: 6), v = MLXArray.normal([3, 40, 2, 16], seed: 7)
        let first = MLXArray([0, 5, 39] as [Int32]), last = MLXArray([40, 31, 40] as [Int32])
        for causal in [false, true] {
            try compare("attention", [q, k, v]) {
                Fused.attention(queries: $0[0], keys: $0[1], values: $0[2], scale: 0.25, causal: causal)
            }
            try compare("attention with key ranges", [q, k, v]) {
                Fused.attention(
                    queries: $0[0], keys: $0[1], values: $0[2], first: first, last: last, scale: 0.25, causal: causal)
            }
        }
    }

    /// Of so many positions the probabilities are not kept: 24 MB here.
    func testAttentionOverManyPositions() throws {
        let T = 1_733, q = MLXArray.normal([1, T, 2, 4], seed: 5)
        let k = MLXArray.normal([1, T, 1, 4], seed: 6), v = MLXArray.normal([1, T, 1, 4], seed: 7)
        let first = MLXArray([3] as [Int32]), last = MLXArray([1_700] as [Int32])
        for causal in [false, true] {
            try compare("attention over many positions", [q, k, v]) {
                Fused.attention(
                    queries: $0[0], keys: $0[1], values: $0[2], first: first, last: last, scale: 0.5, causal: causal)
            }
        }
        Memory.resetPeak()
        try eval(Fused.attention(queries: q, keys: k, values: v, scale: 0.5, causal: true))
        XCTAssertLessThan(Memory.peak - Memory.active, 4 << 20)
    }

    func testAttentionWithoutAnyKeyIsZero() throws {
        let q = MLXArray.normal([1, 4, 2, 16], seed: 5)
        let none = MLXArray([0] as [Int32])
        let y = Fused.attention(queries: q, keys: q, values: q, first: none, last: none, scale: 1, causal: true)
        XCTAssertEqual(try y.asArray(), [Float](repeating: 0, count: 128))
    }

    func testCrossEntropy() throws {
        let x = MLXArray.normal([4, 33, 130], scale: 4, seed: 1)
        let labels = MLXArray((0..<132).map { Int32($0 % 5 == 0 ? -100 : $0 % 130) }, [4, 33])
        try compare("cross-entropy", [x]) { Fused.crossEntropy(logits: $0[0], labels: labels) }
    }

    func testLabelsOutsideTheVocabulary() throws {
        let logits = MLXArray.normal([4, 33], seed: 1), labels = MLXArray([3, -100, 32, 33] as [Int32], [4])
        let (_, grads) = try valueAndGrad { (x: [MLXArray]) in Fused.crossEntropy(logits: x[0], labels: labels).sum() }(
            [logits])
        let loss = try Fused.crossEntropy(logits: logits, labels: labels).asArray()
        XCTAssertEqual(loss[1], 0)
        XCTAssert(loss[3].isNaN, "a label beyond the vocabulary must not read outside the row")
        XCTAssertEqual(Array(try grads[0].asArray()[33..<66]), [Float](repeating: 0, count: 33))
    }

    func testAdamWAgainstFormula() throws {
        let n = 20_000
        let g = MLXArray.normal([n], seed: 2)
        for plain in [false, true] {
            Device.setPlain(plain)
            let p = MLXArray.normal([n], seed: 1), m = MLXArray.zeros([n]), v = MLXArray.zeros([n])
            try eval([p, m, v])
            let before = try p.asArray(), gradient = try g.asArray()
            try Fused.adamW([p], gradients: [g], m: [m], v: [v], learningRate: 0.1, step: 1)
            for (i, after) in try p.asArray().enumerated() {
                let expected = before[i] * (1 - 0.1 * 0.01) - 0.1 * gradient[i] / (Swift.abs(gradient[i]) + 1e-8)
                XCTAssertEqual(after, expected, accuracy: 1e-4)
            }
            XCTAssertThrowsError(try Fused.adamW([p * 2], gradients: [g], m: [m], v: [v], learningRate: 0.1, step: 2))
        }
    }

    func testProductsGoThroughOurGemm() throws {  // and not through the reference BLAS in MLX's wheel
        let a = MLXArray.normal([64, 64], seed: 1), before = gemmCalls
        try eval([matmul(a, a)])
        XCTAssertEqual(gemmCalls, before + 1)
    }
}
