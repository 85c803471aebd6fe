import MLX

/// Leading eigenvectors of a symmetric matrix by orthogonal iteration; enough for principal directions.
enum Directions {
    /// - Parameter matrix: [n, n], row-major, symmetric and positive semi-definite.
    /// - Returns: `count` orthonormal vectors of n, and their eigenvalues, largest first.
    static func leading(
        _ matrix: MLXArray, count: Int, iterations: Int, seed: UInt64
    ) throws -> (vectors: [[Float]], values: [Float]) {
        let n = matrix.dim(0)
        var rows = try orthonormal(MLXArray.normal([count, n], seed: seed).asArray(), n)
        var values = [Float](repeating: 0, count: count)
        for _ in 0..<iterations {
            let product = try matmul(MLXArray(rows.flatMap { $0 }, [count, n]), matrix).asArray()
            for k in 0..<count { values[k] = (0..<n).reduce(0) { $0 + rows[k][$1] * product[k * n + $1] } }
            rows = orthonormal(product, n)
        }
        return (rows, values)
    }

    /// Modified Gram-Schmidt over the rows.
    private static func orthonormal(_ flat: [Float], _ n: Int) -> [[Float]] {
        var rows: [[Float]] = []
        for start in stride(from: 0, to: flat.count, by: n) {
            var v = Array(flat[start..<start + n])
            for r in rows {
                var d: Float = 0
                for i in 0..<n { d += r[i] * v[i] }
                for i in 0..<n { v[i] -= d * r[i] }
            }
            let length = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
            rows.append(v.map { $0 / max(length, 1e-20) })
        }
        return rows
    }
}
