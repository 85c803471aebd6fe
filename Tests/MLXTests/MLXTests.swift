import Foundation
import XCTest

import MLX

final class MLXTests: XCTestCase {
    func testGradient() throws {
        let (value, grads) = try valueAndGrad { ($0[0] * $0[0]).sum() }([MLXArray([1, 2, 3] as [Float], [3])])
        XCTAssertEqual(try value.item(), 14)
        XCTAssertEqual(try grads[0].asArray(), [2, 4, 6])
    }

    func testSwiftErrorPassesThroughCxx() {
        struct Mine: Error {}
        XCTAssertThrowsError(try valueAndGrad { _ in throw Mine() }([MLXArray(1)])) { XCTAssert($0 is Mine) }
    }

    func testShapeErrorIsThrownNotFatal() throws {
        XCTAssertThrowsError(try withError { matmul(MLXArray.zeros([2, 3]), MLXArray.zeros([2, 3])) }) {
            XCTAssert("\($0)".contains("matmul"), "\($0)")
        }
        XCTAssertEqual(try withError { try (MLXArray(1) + 1).item() }, 2)
    }

    func testSafetensorsKeepType() throws {
        let url = URL(fileURLWithPath: NSTemporaryDirectory() + UUID().uuidString + ".safetensors")
        defer { try? FileManager.default.removeItem(at: url) }
        try save(arrays: ["a": MLXArray([1, 2] as [Float], [2]).asType(.bfloat16)], url: url)
        let a = try XCTUnwrap(loadArrays(url: url)["a"])
        XCTAssertEqual(a.dtype, .bfloat16)
        XCTAssertEqual(try a.asArray(), [1, 2])
    }

    func testUnlabelledRowsCountForNothing() throws {
        let logits = MLXArray.normal([4, 33], seed: 1), labels = MLXArray([3, -100, 32, 33] as [Int32], [4])
        let (_, grads) = try valueAndGrad { Fused.crossEntropy(logits: $0[0], labels: labels).sum() }([logits])
        let loss = try Fused.crossEntropy(logits: logits, labels: labels).asArray()
        XCTAssertEqual(loss[1], 0)
        XCTAssert(loss[3].isNaN, "a label beyond the vocabulary must not read outside the row")
        XCTAssertEqual(Array(try grads[0].asArray()[33..<66]), [Float](repeating: 0, count: 33))
    }

    // MARK: our kernels against MLX's operations, values and gradients

    func compare(
        _ inputs: [MLXArray], _ ours: @escaping ([MLXArray]) -> MLXArray, _ reference: @escaping ([MLXArray]) -> MLXArray,
        tolerance: Float = 1e-3, line: UInt = #line
    ) throws {
        let weight = MLXArray.normal(ours(inputs).shape, seed: 99)  // so that no gradient is trivially constant
        let (v1, g1) = try valueAndGrad { (ours($0) * weight).sum() }(inputs)
        let (v2, g2) = try valueAndGrad { (reference($0) * weight).sum() }(inputs)
        for (a, b) in zip([v1] + g1, [v2] + g2) {
            XCTAssertEqual(a.shape, b.shape, line: line)
            for (x, y) in zip(try a.asArray(), try b.asArray()) {
                XCTAssertLessThanOrEqual(abs(x - y), tolerance * (1 + abs(y)), line: line)
            }
        }
    }

    func testKernels() throws {
        let x = MLXArray.normal([4, 33, 130], seed: 1), y = MLXArray.normal([4, 33, 130], seed: 2)
        let norm = MLXArray.normal([130], seed: 3), w = MLXArray.normal([600, 130], seed: 4)
        try compare([x, y], { Fused.swiglu($0[0], $0[1]) }, { $0[0] * sigmoid($0[0]) * $0[1] })
        try compare(
            [x, norm], { Fused.rmsNorm($0[0], weight: $0[1], eps: 1e-6) },
            { MLXFast.rmsNorm($0[0], weight: $0[1], eps: 1e-6) })
        try compare([x, w], { Fused.linear($0[0], $0[1]) }, { matmul($0[0], $0[1].T) })
        try compare([MLXArray.normal([1, 130], seed: 9), w], { Fused.linear($0[0], $0[1]) }, { matmul($0[0], $0[1].T) })
        let half = w.asType(.bfloat16)  // frozen weights: two tiles, and one row
        for x in [x, MLXArray.normal([1, 130], seed: 9)] {
            try compare([x], { Fused.linear($0[0], half) }, { matmul($0[0], half.asType(.float32).T) })
        }
        let q = MLXArray.normal([2, 4, 40, 16], seed: 5)
        let k = MLXArray.normal([2, 2, 40, 16], seed: 6), v = MLXArray.normal([2, 2, 40, 16], seed: 7)
        try compare(
            [q, k, v], { Fused.causalAttention(queries: $0[0], keys: $0[1], values: $0[2], scale: 0.25) },
            { MLXFast.scaledDotProductAttention(queries: $0[0], keys: $0[1], values: $0[2], scale: 0.25, causal: true) })
        let labels = (0..<132).map { Int32($0 % 130) }
        let oneHot = MLXArray(labels.flatMap { l in (0..<130).map { $0 == l ? Float(1) : 0 } }, [4, 33, 130])
        try compare(
            [x], { Fused.crossEntropy(logits: $0[0], labels: MLXArray(labels, [4, 33])).sum() },
            { log(softmax($0[0])) * oneHot * -1 })
    }

    func testAdamWAgainstFormula() throws {
        let n = 20_000
        let p = MLXArray.normal([n], seed: 1), g = MLXArray.normal([n], seed: 2)
        let m = MLXArray.zeros([n]), v = MLXArray.zeros([n])
        try eval([p, m, v])
        let before = try p.asArray(), gradient = try g.asArray()
        try Fused.adamW([p], gradients: [g], m: [m], v: [v], learningRate: 0.1, step: 1)
        for (i, after) in try p.asArray().enumerated() {
            let expected = before[i] * (1 - 0.1 * 0.01) - 0.1 * gradient[i] / (abs(gradient[i]) + 1e-8)
            XCTAssertEqual(after, expected, accuracy: 1e-4)
        }
        XCTAssertThrowsError(try Fused.adamW([p * 2], gradients: [g], m: [m], v: [v], learningRate: 0.1, step: 2))
    }

    func testProductsGoThroughOurGemm() throws {  // and not through the reference BLAS in MLX's wheel
        let a = MLXArray.normal([64, 64], seed: 1), before = gemmCalls
        try eval([matmul(a, a)])
        XCTAssertEqual(gemmCalls, before + 1)
    }
}
