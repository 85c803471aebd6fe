import MLX
import XCTest

final class MLXTests: XCTestCase {
    func testGradient() throws {
        let (value, grads) = try valueAndGrad { (x: [MLXArray]) in (x[0] * x[0]).sum() }([
            MLXArray([1, 2, 3] as [Float], [3])
        ])
        XCTAssertEqual(try value.item(), 14)
        XCTAssertEqual(try grads[0].asArray(), [2, 4, 6])
    }

    func testFurtherValuesPassThrough() throws {
        let f = { (x: [MLXArray]) in [(x[0] * x[0]).sum(), x[0] + 1] }
        let (values, grads) = try valueAndGrad(f)([MLXArray([1, 2] as [Float])])
        XCTAssertEqual(try values[1].asArray(), [2, 3])
        XCTAssertEqual(try grads[0].asArray(), [2, 4], "only the first value is differentiated")
    }

    func testCapturedArraysAreConstants() throws {
        let w = MLXArray([3] as [Float])
        let (_, grads) = try valueAndGrad { (x: [MLXArray]) in (x[0] * w).sum() }([MLXArray([2] as [Float])])
        XCTAssertEqual(grads.count, 1)
        XCTAssertEqual(try grads[0].asArray(), [3])
    }

    func testSwiftErrorPassesThroughCxx() {
        struct Mine: Error {}
        let f = { (_: [MLXArray]) throws -> MLXArray in throw Mine() }
        XCTAssertThrowsError(try valueAndGrad(f)([MLXArray(1)])) { XCTAssert($0 is Mine) }
    }

    func testShapeErrorIsThrownNotFatal() throws {
        XCTAssertThrowsError(try withError { matmul(MLXArray.zeros([2, 3]), MLXArray.zeros([2, 3])) }) {
            XCTAssert("\($0)".contains("matmul"), "\($0)")
        }
        XCTAssertThrowsError(try withError { Fused.linear(MLXArray.zeros([2, 3]), MLXArray.zeros([2, 4])) })
        XCTAssertEqual(try withError { try (MLXArray(1) + 1).item() }, 2)
    }

    func testRawBytes() throws {
        let half = MLXArray([1, 2.5] as [Float]).asType(.bfloat16)
        let bytes = try half.rawData()
        XCTAssertEqual([UInt8](bytes), [0x80, 0x3f, 0x20, 0x40])
        let again = try bytes.withUnsafeBytes { try MLXArray(rawBytes: $0, shape: [2], dtype: .bfloat16) }
        XCTAssertEqual(try again.asArray(), [1, 2.5])
        try bytes.withUnsafeBytes { raw in
            XCTAssertThrowsError(try MLXArray(rawBytes: raw, shape: [3], dtype: .bfloat16))
            XCTAssertThrowsError(try MLXArray(rawBytes: raw, shape: [Int.max, 8], dtype: .bfloat16))
            XCTAssertThrowsError(try MLXArray(rawBytes: raw, shape: [-1], dtype: .bfloat16))
        }
    }

    func testSlicesAndReductions() throws {
        let a = MLXArray((0..<24).map(Float.init), [2, 3, 4])
        XCTAssertEqual(try a[1][0..<1].asArray(), [12, 13, 14, 15])
        XCTAssertEqual(try a.slice(1..<3, axis: 2).sum(axes: [0, 1]).asArray(), [66, 72])
        XCTAssertEqual(try a.argMax(axis: 1).asInt32Array(), [2, 2, 2, 2, 2, 2, 2, 2])
        XCTAssertEqual(try a.take(MLXArray([1, 0] as [Int32]), axis: 1)[0].asArray(), [4, 5, 6, 7, 0, 1, 2, 3])
        XCTAssertEqual(try padded(a[0], widths: [(0, 1), (1, 0)]).asArray().suffix(5), [0, 0, 0, 0, 0])
    }

    func testSeededGeneratorIsTheSameEverywhere() {
        var g = SeededGenerator(seed: 1)
        XCTAssertEqual(g.next(), 0x910a_2dec_8902_5cc1)
        var values = Array(0..<10)
        g.shuffle(&values)
        XCTAssertEqual(values.sorted(), Array(0..<10))
        XCTAssertNotEqual(values, Array(0..<10))
    }

    func testMissingDeviceIsAnError() throws {
        if Device.current == .cpu {
            try eval(MLXArray([1] as [Float]) + 1)
            XCTAssertThrowsError(try Device.use(.gpu))
        }
    }
}
