import MLX
import MLXNN
import XCTest

/// Frozen weights in MLX's affine format: the format itself, and the kernels that multiply by it.
final class QuantizationTests: XCTestCase {
    override func tearDown() {
        Device.setPlain(false)
    }

    private func weight(_ w: MLXArray, _ groupSize: Int, _ bits: Int) -> QuantizedWeight {
        let (wq, scales, biases) = quantized(w, groupSize: groupSize, bits: bits)
        return QuantizedWeight(weight: wq, scales: scales, biases: biases, groupSize: groupSize, bits: bits)
    }
    private func dense(_ w: QuantizedWeight) -> MLXArray {
        dequantized(w.weight, scales: w.scales, biases: w.biases, groupSize: w.groupSize, bits: w.bits)
    }

    func testNoElementIsOffByMoreThanHalfAStep() throws {
        // Groups of one sign, of both, far from zero, of one value, and of zeros.
        let rows = MLXArray.normal([9, 256], seed: 1)
        let w = concatenated([rows, abs(rows), rows * 1e-6 + 3, rows * 0 + 7, rows * 0])
        for type in [DType.float32, .bfloat16, .float16] {
            let stored = w.asType(type), exact = stored.asType(.float32)
            for plain in [false, true] {
                Device.setPlain(plain)
                for (groupSize, bits) in [(32, 4), (64, 4), (128, 4), (32, 8), (64, 8), (128, 8)] {
                    let name = "\(type), \(bits) bits, groups of \(groupSize), plain \(plain)"
                    let q = weight(stored, groupSize, bits), groups = exact.reshaped([45, 256 / groupSize, groupSize])
                    XCTAssertEqual(q.weight.dtype, .uint32)
                    XCTAssertEqual(q.weight.shape, [45, 256 * bits / 32])
                    XCTAssertEqual(q.scales.shape, [45, 256 / groupSize])
                    XCTAssertEqual(q.biases.shape, q.scales.shape)
                    let error = abs(dense(q).reshaped(groups.shape) - groups).max(axes: [2])
                    let slack = error - q.scales * 0.5001 - abs(q.biases) * 2e-7
                    XCTAssertLessThanOrEqual(try slack.max().item(), 0, name)
                    // A step is no larger than it must be.
                    let range = groups.max(axes: [2]) - groups.min(axes: [2])
                    let excess = abs(q.scales * Float((1 << bits) - 1) - range)
                    XCTAssertLessThan(try excess.max().item(), 1e-5, name)
                }
            }
        }
    }

    func testTheFormatIsMLXs() throws {
        let w = MLXArray.normal([37, 384], seed: 2)
        for (groupSize, bits) in [(32, 4), (64, 8), (128, 4), (128, 8)] {
            let q = weight(w, groupSize, bits), ours = try dense(q).asArray()
            Device.setPlain(true)  // mx::dequantize and mx::quantized_matmul
            let theirs = try dense(q).asArray(), x = MLXArray.normal([6, 384], seed: 3)
            let product = Fused.linear(x, q), expected = matmul(x, MLXArray(ours, [37, 384]).T)
            XCTAssertLessThan(try abs(product - expected).max().item(), 1e-4)
            Device.setPlain(false)
            for (a, b) in zip(ours, theirs) { XCTAssertEqual(a, b, accuracy: 1e-6) }
        }
    }

    func testKnownNumbers() throws {
        // 0 ... 15 over and over: the step is 1, the bias 0, the numbers are the elements, the lowest bits first.
        let w = MLXArray((0..<64).map { Float($0 % 16) }, [2, 32])
        let (wq, scales, biases) = quantized(w, groupSize: 32, bits: 4)
        XCTAssertEqual(try scales.asArray(), [1, 1])
        XCTAssertEqual(try biases.asArray(), [0, 0])
        let words = [Int32(bitPattern: 0x7654_3210), Int32(bitPattern: 0xFEDC_BA98)]
        XCTAssertEqual(try wq.asInt32Array(), words + words + words + words)
        let bytes = quantized(MLXArray((0..<256).map { Float($0) }, [2, 128]), groupSize: 128, bits: 8)
        XCTAssertEqual(try bytes.biases.asArray(), [0, 128])
        XCTAssertEqual(try bytes.scales.asArray()[0], 127 / 255, accuracy: 1e-7)
        let known = QuantizedWeight(
            weight: wq, scales: MLXArray([2, -1] as [Float], [2, 1]), biases: MLXArray([1, 15] as [Float], [2, 1]),
            groupSize: 32, bits: 4)
        XCTAssertEqual(
            try dense(known).asArray(), (0..<64).map { $0 < 32 ? 2 * Float($0 % 16) + 1 : 15 - Float($0 % 16) })
    }

    func testWhatIsNotFiniteStaysVisible() throws {
        for (i, odd) in [Float.nan, .infinity, -.infinity].enumerated() {
            var values = [Float](repeating: 0.5, count: 128)
            values[40 + i] = odd
            for plain in [false, true] {
                Device.setPlain(plain)
                let back = try dense(weight(MLXArray(values, [2, 64]), 32, 8)).asArray()
                XCTAssertTrue(back[32..<64].allSatisfy(\.isNaN), "\(odd) must not become a number")
                XCTAssertEqual(back[0..<32] + back[64...], [Float](repeating: 0.5, count: 96)[...])
            }
        }
    }

    /// Our kernels with every kind of stored weight against the products with the same weight as f32.
    func testEveryKindOfWeightMultipliesAsItsDenseMatrix() throws {
        let K = 256, N = 601  // more than one tile of rows, and a piece of one
        let w = MLXArray.normal([N, K], scale: 0.1, seed: 4), bias = MLXArray.normal([N], seed: 5)
        let a = MLXArray.normal([3, K], scale: 0.1, seed: 6), b = MLXArray.normal([N, 3], scale: 0.1, seed: 7)
        typealias Layer = (_ x: MLXArray, _ lora: (MLXArray, MLXArray)?, _ bias: MLXArray?) -> MLXArray
        func plain(_ w: MLXArray) -> Layer {
            { x, lora, bias in
                lora.map { Fused.loraLinear(x, w, bias: bias, a: $0.0, b: $0.1, scale: 4) }
                    ?? Fused.linear(x, w, bias: bias)
            }
        }
        func packed(_ w: QuantizedWeight) -> Layer {
            { x, lora, bias in
                lora.map { Fused.loraLinear(x, w, bias: bias, a: $0.0, b: $0.1, scale: 4) }
                    ?? Fused.linear(x, w, bias: bias)
            }
        }
        var kinds: [(String, Layer, MLXArray)] = [DType.bfloat16, .float16].map {
            let stored = w.asType($0)
            return ("\($0)", plain(stored), stored.asType(.float32))
        }
        for (groupSize, bits) in [(32, 4), (64, 4), (128, 4), (32, 8), (64, 8), (128, 8)] {
            let q = weight(w, groupSize, bits)
            kinds.append(("q\(bits), groups of \(groupSize)", packed(q), dense(q)))
        }
        let threads = Device.threads
        defer { try? Device.setThreads(threads) }
        for rows in [1, 3, 4, 5, 33] {
            let x = MLXArray.normal([rows, K], seed: 9), pull = MLXArray.normal([rows, N], seed: 10)
            for (name, layer, w) in kinds {
                for (lora, bias) in [(false, nil), (false, bias), (true, nil), (true, bias)] as [(Bool, MLXArray?)] {
                    func run(_ layer: @escaping Layer) throws -> [[Float]] {
                        let (value, grads) = try valueAndGrad(
                            { (x: [MLXArray]) -> [MLXArray] in
                                let y = layer(x[0], lora ? (x[1], x[2]) : nil, bias)
                                return [(y * pull).sum(), y]
                            }, argumentNumbers: lora ? [0, 1, 2] : [0])([x, a, b])
                        return try ([value[1]] + grads).map { try $0.asArray() }
                    }
                    let expected = try run { x, lora, bias in
                        var y = matmul(x, w.T)
                        if let lora { y = y + matmul(matmul(x, lora.0.T), lora.1.T) * 4 }
                        return bias.map { y + $0 } ?? y
                    }
                    for n in [1, 2, 7] {
                        try Device.setThreads(n)
                        let found = try run(layer)
                        XCTAssertEqual(found, try run(layer), "\(name): not bit-equal with \(n) threads")
                        for (k, (f, e)) in zip(found, expected).enumerated() {
                            XCTAssertEqual(f.count, e.count)
                            let scale = 1 + (e.map(Swift.abs).max() ?? 0)
                            let worst = zip(f, e).map { Swift.abs($0 - $1) }.max() ?? 0
                            XCTAssertLessThanOrEqual(
                                worst, 1e-5 * scale, "\(name), \(rows) rows, LoRA \(lora), output \(k), \(n) threads")
                        }
                    }
                    try Device.setThreads(threads)
                }
            }
        }
    }

    func testAQuantisedWeightGetsNoGradient() throws {
        let q = weight(.normal([40, 64], seed: 1), 32, 8), x = MLXArray.normal([7, 64], seed: 2)
        for plain in [false, true] {
            Device.setPlain(plain)
            let grads = try valueAndGrad { (s: [MLXArray]) -> MLXArray in
                let w = QuantizedWeight(weight: q.weight, scales: s[0], biases: s[1], groupSize: 32, bits: 8)
                return Fused.linear(x, w).square().sum()
            }([q.scales, q.biases]).1
            for g in grads { XCTAssertEqual(try abs(g).max().item(), 0) }
        }
    }

    func testWhatDoesNotFitIsAnError() throws {
        let w = MLXArray.normal([8, 64], seed: 1), x = MLXArray.normal([2, 64], seed: 2), q = weight(w, 32, 8)
        func assertError(_ words: String, line: UInt = #line, _ body: @escaping () -> MLXArray) {
            for plain in [false, true] {
                Device.setPlain(plain)
                XCTAssertThrowsError(try withError { try eval(body()) }, line: line) {
                    XCTAssertTrue($0 is MLXError && "\($0)".contains(words), "\($0)", line: line)
                }
            }
            Device.setPlain(false)
        }
        assertError("multiple of the group") { quantized(w, groupSize: 128, bits: 8).wq }
        assertError("groups of 32, 64 or 128") { quantized(w, groupSize: 16, bits: 8).scales }
        assertError("groups of 32, 64 or 128") { quantized(w, groupSize: 0, bits: 8).biases }
        assertError("8 or 4 bits") { quantized(w, groupSize: 32, bits: 3).wq }
        assertError("8 or 4 bits") { quantized(w, groupSize: 32, bits: Int.max).wq }
        assertError("f32, bf16 or f16") { quantized(q.weight, groupSize: 32, bits: 8).wq }
        assertError("[N, K]") { quantized(w.reshaped([512]), groupSize: 32, bits: 8).wq }
        func changed(_ change: (inout QuantizedWeight) -> Void) -> QuantizedWeight {
            var w = q
            change(&w)
            return w
        }
        let wrong: [(String, QuantizedWeight)] = [
            ("scales and biases", changed { $0.groupSize = 64 }),
            ("scales and biases", changed { $0.scales = $0.scales.T }),
            ("scales and biases", changed { $0.biases = $0.biases[0..<7] }),
            ("scales and biases", changed { $0.scales = $0.scales.asType(.float16) }),
            ("scales and biases", changed { $0.bits = 4 }),
            ("multiple of the group", changed { $0.weight = $0.weight.slice(0..<15, axis: 1) }),
            ("packed u32", changed { $0.weight = $0.weight.asType(.int32) }),
            ("8 or 4 bits", changed { $0.bits = 2 }),
            ("groups of", changed { $0.groupSize = 48 }),
        ]
        for (words, w) in wrong {
            assertError(words) { Fused.linear(x, w) }
            assertError(words) {
                Fused.loraLinear(x, w, a: .zeros([2, 64]), b: .zeros([8, 2]), scale: 1)
            }
            assertError(words) { self.dense(w) }
        }
        assertError("input [..., K]") { Fused.linear(.zeros([2, 32]), q) }
        assertError("input [..., K]") { Fused.linear(x.asType(.float16), q) }
        assertError("bias") { Fused.linear(x, q, bias: .zeros([7])) }
        assertError("f32 a [r, K], b [N, r]") {
            Fused.loraLinear(x, q, a: .zeros([2, 32]), b: .zeros([8, 2]), scale: 1)
        }
        assertError("f32, bf16 or f16") { Fused.linear(x, w.asType(.int32)) }
    }
}
