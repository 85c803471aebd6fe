import Foundation

/// Complex discrete Fourier transform of a length whose factors are 4 and 5 (400 = 4 * 4 * 5 * 5), in doubles.
///
/// Stockham's form: every stage writes to the other buffer in sorted order, so nothing is permuted at the end.
struct FourierTransform: Sendable {
    let count: Int
    private let radices: [Int]
    /// Of every stage with m sub-transforms: for k in 0..<m the factors w^k ... w^(k (p - 1)), cosine then sine.
    private let twiddles: [[Double]]

    init?(count: Int) {
        var radices: [Int] = []
        var rest = count
        while rest > 1 {
            guard let radix = [4, 5].first(where: { rest.isMultiple(of: $0) }) else { return nil }
            radices.append(radix)
            rest /= radix
        }
        guard count >= 4 else { return nil }
        var twiddles: [[Double]] = []
        var n = count
        for radix in radices {
            var stage: [Double] = []
            for k in 0..<n / radix {
                for r in 1..<radix {
                    let angle = -2 * Double.pi * Double(k * r % n) / Double(n)
                    stage += [cos(angle), sin(angle)]
                }
            }
            twiddles.append(stage)
            n /= radix
        }
        self.count = count
        self.radices = radices
        self.twiddles = twiddles
    }

    typealias Buffer = UnsafeMutablePointer<Double>

    /// Transforms `re`, `im`; `re2`, `im2` are room of the same size. Returns the pair that holds the result.
    func callAsFunction(_ re: Buffer, _ im: Buffer, _ re2: Buffer, _ im2: Buffer) -> (re: Buffer, im: Buffer) {
        var (from, to) = ((re: re, im: im), (re: re2, im: im2))
        var (n, s) = (count, 1)
        for (radix, stage) in zip(radices, twiddles) {
            stage.withUnsafeBufferPointer { w in
                if radix == 4 {
                    Self.stage4(from.re, from.im, to.re, to.im, m: n / 4, s: s, w)
                } else {
                    Self.stage5(from.re, from.im, to.re, to.im, m: n / 5, s: s, w)
                }
            }
            n /= radix
            s *= radix
            swap(&from, &to)
        }
        return from
    }

    /// y[q + s (4k + r)] = w^(kr) * sum over j of x[q + s (k + m j)] (-i)^(jr)
    private static func stage4(
        _ xr: Buffer, _ xi: Buffer, _ yr: Buffer, _ yi: Buffer, m: Int, s: Int, _ w: UnsafeBufferPointer<Double>
    ) {
        for k in 0..<m {
            let (c1, s1, c2, s2, c3, s3) = (
                w[6 * k], w[6 * k + 1], w[6 * k + 2], w[6 * k + 3], w[6 * k + 4], w[6 * k + 5]
            )
            for q in 0..<s {
                let a = q + s * k
                let b = a + s * m, c = b + s * m, d = c + s * m
                let (sr, si) = (xr[a] + xr[c], xi[a] + xi[c])
                let (tr, ti) = (xr[a] - xr[c], xi[a] - xi[c])
                let (ur, ui) = (xr[b] + xr[d], xi[b] + xi[d])
                let (vr, vi) = (xr[b] - xr[d], xi[b] - xi[d])
                let y = q + 4 * s * k
                yr[y] = sr + ur
                yi[y] = si + ui
                let (pr, pi) = (tr + vi, ti - vr)  // t - i v
                yr[y + s] = pr * c1 - pi * s1
                yi[y + s] = pr * s1 + pi * c1
                let (or, oi) = (sr - ur, si - ui)
                yr[y + 2 * s] = or * c2 - oi * s2
                yi[y + 2 * s] = or * s2 + oi * c2
                let (nr, ni) = (tr - vi, ti + vr)  // t + i v
                yr[y + 3 * s] = nr * c3 - ni * s3
                yi[y + 3 * s] = nr * s3 + ni * c3
            }
        }
    }

    private static let cos1 = cos(2 * Double.pi / 5), sin1 = sin(2 * Double.pi / 5)
    private static let cos2 = cos(4 * Double.pi / 5), sin2 = sin(4 * Double.pi / 5)

    private static func stage5(
        _ xr: Buffer, _ xi: Buffer, _ yr: Buffer, _ yi: Buffer, m: Int, s: Int, _ w: UnsafeBufferPointer<Double>
    ) {
        let (cos1, sin1, cos2, sin2) = (cos1, sin1, cos2, sin2)
        for k in 0..<m {
            let w = UnsafeBufferPointer(rebasing: w[8 * k..<8 * k + 8])
            for q in 0..<s {
                let a = q + s * k
                let b = a + s * m, c = b + s * m, d = c + s * m, e = d + s * m
                let (pr, pi) = (xr[b] + xr[e], xi[b] + xi[e])
                let (mr, mi) = (xr[b] - xr[e], xi[b] - xi[e])
                let (qr, qi) = (xr[c] + xr[d], xi[c] + xi[d])
                let (nr, ni) = (xr[c] - xr[d], xi[c] - xi[d])
                let y = q + 5 * s * k
                yr[y] = xr[a] + pr + qr
                yi[y] = xi[a] + pi + qi
                let (ar, ai) = (xr[a] + cos1 * pr + cos2 * qr, xi[a] + cos1 * pi + cos2 * qi)
                let (br, bi) = (xr[a] + cos2 * pr + cos1 * qr, xi[a] + cos2 * pi + cos1 * qi)
                let (cr, ci) = (sin1 * mr + sin2 * nr, sin1 * mi + sin2 * ni)
                let (dr, di) = (sin2 * mr - sin1 * nr, sin2 * mi - sin1 * ni)
                // Rows 1 and 4 are a -+ i c, rows 2 and 3 are b -+ i d.
                let (r1, i1, r4, i4) = (ar + ci, ai - cr, ar - ci, ai + cr)
                let (r2, i2, r3, i3) = (br + di, bi - dr, br - di, bi + dr)
                yr[y + s] = r1 * w[0] - i1 * w[1]
                yi[y + s] = r1 * w[1] + i1 * w[0]
                yr[y + 2 * s] = r2 * w[2] - i2 * w[3]
                yi[y + 2 * s] = r2 * w[3] + i2 * w[2]
                yr[y + 3 * s] = r3 * w[4] - i3 * w[5]
                yi[y + 3 * s] = r3 * w[5] + i3 * w[4]
                yr[y + 4 * s] = r4 * w[6] - i4 * w[7]
                yi[y + 4 * s] = r4 * w[7] + i4 * w[6]
            }
        }
    }
}
