/// Cosines of pooled states, through unit vectors: a mean over all pairs costs one pass over the clips.
enum Cosine {
    /// The state over its length, in double precision; zero stays zero.
    static func unit(_ state: [Float]) -> [Double] {
        let wide = state.map(Double.init)
        let length = wide.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return length > 0 ? wide.map { $0 / length } : wide
    }

    static func dot(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for i in 0..<min(a.count, b.count) { sum += a[i] * b[i] }
        return sum
    }

    static func sum(_ units: [[Double]]) -> [Double] {
        var out = [Double](repeating: 0, count: units.first?.count ?? 0)
        for u in units { for i in 0..<min(out.count, u.count) { out[i] += u[i] } }
        return out
    }

    /// Mean cosine over m < n within one set of unit vectors: (|sum|^2 - N) / (N (N - 1)).
    static func within(_ units: [[Double]]) -> Double {
        let s = sum(units)
        let own = units.reduce(0) { $0 + dot($1, $1) }
        let n = Double(units.count)
        return n > 1 ? (dot(s, s) - own) / (n * (n - 1)) : 1
    }

    /// Mean cosine over all pairs across two sets of unit vectors.
    static func across(_ a: [[Double]], _ b: [[Double]]) -> Double {
        guard !a.isEmpty, !b.isEmpty else { return 0 }
        return dot(sum(a), sum(b)) / (Double(a.count) * Double(b.count))
    }
}
