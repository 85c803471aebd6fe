/// Fewer rows than columns: the rows in an orthonormal basis of their own span.
///
/// The L2-regularised optimum lies in the span of the rows, so a fit on these [n, r] coordinates is the fit on [n, d].
/// Basis: pivoted Cholesky of the Gram matrix, in double precision; rank r is cut where a pivot is rounding only.
struct SpanReduction {
    let coordinates: FeatureMatrix  // [n, r]
    private let pivots: [Int]
    private let triangle: [Double]  // [r, r], the rows of `coordinates` at the pivots, lower triangular

    init(_ x: FeatureMatrix) {
        let n = x.rows
        var gram = MatrixProducts.gram(x)
        for i in 0..<n { for j in 0..<i { gram[j * n + i] = gram[i * n + j] } }
        var rest = (0..<n).map { gram[$0 * n + $0] }
        let floor = (rest.max() ?? 0) * 1e-12
        var columns: [[Double]] = []
        var pivots: [Int] = []
        // Row-wise storage of L while it grows: dot products over the columns found so far.
        var low = [Double](repeating: 0, count: n * n)
        while pivots.count < n {
            guard let p = rest.indices.max(by: { rest[$0] < rest[$1] }), rest[p] > floor, rest[p] > 0 else { break }
            let r = pivots.count
            let scale = 1 / rest[p].squareRoot()
            var column = [Double](repeating: 0, count: n)
            low.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                for i in 0..<n {
                    let known = MatrixProducts.dot(base + 8 * i * n, base + 8 * p * n, doubles: r)
                    column[i] = (gram[i * n + p] - known) * scale
                }
            }
            for q in pivots { column[q] = 0 }
            for i in 0..<n {
                low[i * n + r] = column[i]
                rest[i] -= column[i] * column[i]
            }
            rest[p] = 0
            for q in pivots { rest[q] = 0 }
            columns.append(column)
            pivots.append(p)
        }
        let r = pivots.count
        var values = [Float](repeating: 0, count: n * r)
        for (j, column) in columns.enumerated() { for i in 0..<n { values[i * r + j] = Float(column[i]) } }
        coordinates = FeatureMatrix(rows: n, columns: r, values: values)
        self.pivots = pivots
        var triangle = [Double](repeating: 0, count: r * r)
        for (a, p) in pivots.enumerated() { for b in 0...a { triangle[a * r + b] = columns[b][p] } }
        self.triangle = triangle
    }

    /// A weight vector of the coordinates as one of the features: w = X_p^T L_p^-T v.
    func expand(_ v: [Double], _ x: FeatureMatrix) -> [Double] {
        let r = pivots.count, d = x.columns
        var a = v
        for i in stride(from: r - 1, through: 0, by: -1) {
            a[i] /= triangle[i * r + i]
            for j in 0..<i { a[j] -= triangle[i * r + j] * a[i] }
        }
        var out = [Double](repeating: 0, count: d)
        for (i, p) in pivots.enumerated() {
            let scale = a[i]
            for j in 0..<d { out[j] += scale * Double(x.values[p * d + j]) }
        }
        return out
    }
}
