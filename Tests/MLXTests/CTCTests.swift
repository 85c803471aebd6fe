import MLX
import XCTest

final class CTCTests: XCTestCase {
    /// The loss by its definition: minus the log of the summed probability of every path that collapses to the labels.
    func bruteForce(_ logits: [[Double]], _ labels: [Int]) -> Double {
        let V = logits[0].count, T = logits.count
        let p = logits.map { row -> [Double] in
            let z = row.map(Foundation.exp).reduce(0, +)
            return row.map { Foundation.exp($0) / z }
        }
        var total = 0.0
        var path = [Int](repeating: 0, count: T)
        for code in 0..<Int(pow(Double(V), Double(T))) {
            var rest = code, product = 1.0
            for t in 0..<T {
                path[t] = rest % V
                rest /= V
                product *= p[t][path[t]]
            }
            var collapsed: [Int] = []
            for (t, c) in path.enumerated() where c != 0 && (t == 0 || path[t - 1] != c) { collapsed.append(c) }
            if collapsed == labels { total += product }
        }
        return -Foundation.log(total)
    }

    func loss(_ x: [[[Double]]], _ labels: [[Int32]]) throws -> ([Float], [Float]) {
        let B = x.count, T = x.map(\.count).max()!, V = x[0][0].count, L = max(1, labels.map(\.count).max()!)
        let logits = MLXArray(
            x.flatMap { rows in
                (0..<T).flatMap { $0 < rows.count ? rows[$0].map(Float.init) : [Float](repeating: 9, count: V) }
            },
            [B, T, V])
        let y = MLXArray(labels.flatMap { $0 + [Int32](repeating: 0, count: L - $0.count) }, [B, L])
        let frames = MLXArray(x.map { Int32($0.count) }), lengths = MLXArray(labels.map { Int32($0.count) })
        let f = { (a: [MLXArray]) -> [MLXArray] in
            let each = Fused.ctcLoss(logits: a[0], labels: y, frames: frames, lengths: lengths)
            return [each.sum(), each]
        }
        let (values, grads) = try valueAndGrad(f)([logits])
        return (try values[1].asArray(), try grads[0].asArray())
    }

    func samples() -> ([[[Double]]], [[Int32]]) {
        var g = SeededGenerator(seed: 4)
        func rows(_ t: Int) -> [[Double]] { (0..<t).map { _ in (0..<4).map { _ in 3 * g.uniform() - 1.5 } } }
        return ([rows(5), rows(4), rows(5), rows(3)], [[1, 2], [3, 3], [], [2, 2]])
    }

    func testAgainstTheDefinition() throws {
        let (x, labels) = samples()
        let (found, _) = try loss(x, labels)
        for i in 0..<4 {
            XCTAssertEqual(Double(found[i]), bruteForce(x[i], labels[i].map(Int.init)), accuracy: 1e-4)
        }
    }

    func testGradientAgainstDifferences() throws {
        var (x, labels) = samples()
        let (_, grads) = try loss(x, labels)
        for (b, t, v) in [(0, 0, 1), (0, 4, 0), (1, 2, 3), (2, 3, 2), (3, 1, 0)] {
            let step = 1e-3, at = x[b][t][v]
            x[b][t][v] = at + step
            let up = bruteForce(x[b], labels[b].map(Int.init))
            x[b][t][v] = at - step
            let down = bruteForce(x[b], labels[b].map(Int.init))
            x[b][t][v] = at
            XCTAssertEqual(Double(grads[(b * 5 + t) * 4 + v]), (up - down) / (2 * step), accuracy: 1e-3)
        }
        for i in (1 * 5 + 4) * 4..<(2 * 5) * 4 { XCTAssertEqual(grads[i], 0, "frames past the end have no gradient") }
    }

    func testImpossibleAlignmentIsZeroAndBadLabelIsNaN() throws {
        let row = [0.1, 0.2, 0.3, 0.4]
        let (found, grads) = try loss([[row, row], [row, row, row]], [[2, 2], [1, 7]])
        XCTAssertEqual(found[0], 0)
        XCTAssertEqual(grads[0..<8].map { $0 }, [Float](repeating: 0, count: 8))
        XCTAssert(found[1].isNaN)
    }
}
