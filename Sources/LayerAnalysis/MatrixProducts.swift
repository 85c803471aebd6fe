/// The two products that a fit spends its time on, in SIMD lanes that every target has.
enum MatrixProducts {
    /// Columns are padded to a multiple of this, except a single one.
    static let lanes = 8

    static func padded(_ columns: Int) -> Int { columns == 1 ? 1 : (columns + lanes - 1) / lanes * lanes }

    /// out [m, k] = a [m, q] x b [q, k]; k is 1 or a multiple of ``lanes``.
    static func multiply(_ a: [Float], _ b: [Float], into out: inout [Float], m: Int, q: Int, k: Int) {
        precondition(a.count == m * q && b.count == q * k && out.count == m * k)
        a.withUnsafeBytes { a in
            b.withUnsafeBytes { b in
                out.withUnsafeMutableBytes { out in
                    guard m > 0, let a = a.baseAddress, let out = out.baseAddress else { return }
                    guard q > 0, let b = b.baseAddress else {
                        out.initializeMemory(as: Float.self, repeating: 0, count: m * k)
                        return
                    }
                    if k == 1 {
                        for i in 0..<m {
                            out.storeBytes(of: dot(a + 4 * i * q, b, q), toByteOffset: 4 * i, as: Float.self)
                        }
                    } else {
                        for column in stride(from: 0, to: k, by: lanes) {
                            panel(a, b, out, m: m, q: q, k: k, column: column)
                        }
                    }
                }
            }
        }
    }

    /// Eight columns of the product, four rows at a time, so that the sums stay in registers.
    private static func panel(
        _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ out: UnsafeMutableRawPointer, m: Int, q: Int, k: Int,
        column: Int
    ) {
        let b = b + 4 * column
        let out = out + 4 * column
        let rowBytes = 4 * q
        let stepB = 4 * k
        var i = 0
        while i + 4 <= m {
            let row = a + i * rowBytes
            var s0 = SIMD8<Float>(repeating: 0), s1 = s0, s2 = s0, s3 = s0
            for j in 0..<q {
                let v = (b + j * stepB).loadUnaligned(as: SIMD8<Float>.self)
                let x = row + 4 * j
                s0 += v * x.load(as: Float.self)
                s1 += v * x.load(fromByteOffset: rowBytes, as: Float.self)
                s2 += v * x.load(fromByteOffset: 2 * rowBytes, as: Float.self)
                s3 += v * x.load(fromByteOffset: 3 * rowBytes, as: Float.self)
            }
            out.storeBytes(of: s0, toByteOffset: i * stepB, as: SIMD8<Float>.self)
            out.storeBytes(of: s1, toByteOffset: (i + 1) * stepB, as: SIMD8<Float>.self)
            out.storeBytes(of: s2, toByteOffset: (i + 2) * stepB, as: SIMD8<Float>.self)
            out.storeBytes(of: s3, toByteOffset: (i + 3) * stepB, as: SIMD8<Float>.self)
            i += 4
        }
        while i < m {
            var sum = SIMD8<Float>(repeating: 0)
            for j in 0..<q {
                let v = (b + j * stepB).loadUnaligned(as: SIMD8<Float>.self)
                sum += v * (a + i * rowBytes + 4 * j).load(as: Float.self)
            }
            out.storeBytes(of: sum, toByteOffset: i * stepB, as: SIMD8<Float>.self)
            i += 1
        }
    }

    private static func dot(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ count: Int) -> Float {
        var s0 = SIMD8<Float>(repeating: 0), s1 = s0
        var j = 0
        while j + 16 <= count {
            let p = a + 4 * j
            let q = b + 4 * j
            s0 += p.loadUnaligned(as: SIMD8<Float>.self) * q.loadUnaligned(as: SIMD8<Float>.self)
            s1 += (p + 32).loadUnaligned(as: SIMD8<Float>.self) * (q + 32).loadUnaligned(as: SIMD8<Float>.self)
            j += 16
        }
        var sum = (s0 + s1).sum()
        while j < count {
            let p: Float = (a + 4 * j).load(as: Float.self)
            let q: Float = (b + 4 * j).load(as: Float.self)
            sum += p * q
            j += 1
        }
        return sum
    }

    /// Gram matrix of the rows in double precision: [rows, rows], lower triangle filled.
    static func gram(_ x: FeatureMatrix) -> [Double] {
        let n = x.rows, d = x.columns
        let wide = x.values.map(Double.init)
        var out = [Double](repeating: 0, count: n * n)
        wide.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            for i in 0..<n {
                for j in 0...i { out[i * n + j] = dot(base + 8 * i * d, base + 8 * j * d, doubles: d) }
            }
        }
        return out
    }

    static func dot(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, doubles count: Int) -> Double {
        var s0 = SIMD4<Double>(repeating: 0), s1 = s0
        var j = 0
        while j + 8 <= count {
            let p = a + 8 * j
            let q = b + 8 * j
            s0 += p.loadUnaligned(as: SIMD4<Double>.self) * q.loadUnaligned(as: SIMD4<Double>.self)
            s1 += (p + 32).loadUnaligned(as: SIMD4<Double>.self) * (q + 32).loadUnaligned(as: SIMD4<Double>.self)
            j += 8
        }
        var sum = (s0 + s1).sum()
        while j < count {
            let p: Double = (a + 8 * j).load(as: Double.self)
            let q: Double = (b + 8 * j).load(as: Double.self)
            sum += p * q
            j += 1
        }
        return sum
    }
}
