import MLX
import XCTest

/// `checkpoint`: the gradients of a function whose intermediate values are computed again.
final class CheckpointTransformTests: XCTestCase {
    private struct Wrong: Error {}

    func testTheSameValueAndGradients() throws {
        let x = MLXArray.normal([5, 8], seed: 1), a = MLXArray.normal([3, 8], seed: 2),
            b = MLXArray.normal([8, 3], seed: 3)
        let frozen = MLXArray.normal([8, 8], seed: 4)
        func layer(_ v: [MLXArray]) -> MLXArray {
            Fused.gelu(Fused.loraLinear(v[0], frozen, a: v[1], b: v[2], scale: 2)) + v[0]
        }
        var calls = 0
        let again = checkpoint { (v: [MLXArray]) -> MLXArray in
            calls += 1
            return layer(v)
        }
        let (plain, gradients) = try valueAndGrad { layer([layer($0), $0[1], $0[2]]).square().sum() }([x, a, b])
        let (value, others) = try valueAndGrad { try again([again($0), $0[1], $0[2]]).square().sum() }([x, a, b])
        XCTAssertEqual(try plain.item(), try value.item())
        for (g, o) in zip(gradients, others) {
            XCTAssertLessThan(try abs(g - o).max().item(), 1e-4 * (try abs(g).max().item()))
        }
        XCTAssertEqual(calls, 4, "each layer forward, and again for its gradient")
    }

    func testItNeedsLessMemory() throws {
        let x = MLXArray.normal([512, 32], seed: 1), up = MLXArray.normal([1024, 32], scale: 0.1, seed: 2)
        let down = MLXArray.normal([32, 1024], scale: 0.1, seed: 3)
        func layer(_ x: MLXArray) -> MLXArray { x + Fused.linear(Fused.gelu(Fused.linear(x, up)), down) }
        let again = checkpoint { layer($0[0]) }
        func peak(_ one: @escaping (MLXArray) throws -> MLXArray) throws -> Int {
            Memory.clearCache()
            Memory.resetPeak()
            let before = Memory.active
            let (value, gradients) = try valueAndGrad { (v: [MLXArray]) in
                try (0..<40).reduce(v[0]) { x, _ in try one(x) }.square().sum()
            }([x])
            try eval([value] + gradients)
            return Memory.peak - before
        }
        let kept = try peak(layer), computed = try peak { try again([$0]) }
        XCTAssertGreaterThan(kept, 100 << 20, "forty layers of at least 2 x 2 MB")
        XCTAssertLessThan(computed, kept / 2)
    }

    func testAnErrorComesBackAsItself() throws {
        let failing = checkpoint { (_: [MLXArray]) -> MLXArray in throw Wrong() }
        XCTAssertThrowsError(try failing([MLXArray(1)])) { XCTAssertTrue($0 is Wrong, "\($0)") }
        let inside = valueAndGrad { (v: [MLXArray]) in try failing(v) }
        XCTAssertThrowsError(try inside([MLXArray(1)])) { XCTAssertTrue($0 is Wrong, "\($0)") }
    }
}
