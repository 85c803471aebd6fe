import Foundation

/// Triangular mel filters on Slaney's scale with Slaney's area norm, 0-8000 Hz over 201 bins of 40 Hz.
struct MelFilterBank: Sendable {
    /// One triangle: weights of the bins from `first` on.
    struct Filter: Sendable {
        let first: Int
        let weights: [Double]
    }
    let filters: [Filter]

    init(bins: Int, spectrumBins: Int = 201, highest: Double = 8000) {
        let top = Self.mel(highest)
        let edges = (0..<bins + 2).map { Self.hertz(top * Double($0) / Double(bins + 1)) }
        filters = (0..<bins).map { m in
            let (low, centre, high) = (edges[m], edges[m + 1], edges[m + 2])
            let norm = 2 / (high - low)
            let weights = (0..<spectrumBins).map { bin in
                let f = highest * Double(bin) / Double(spectrumBins - 1)
                return max(0, min((f - low) / (centre - low), (high - f) / (high - centre))) * norm
            }
            guard let first = weights.firstIndex(where: { $0 > 0 }), let last = weights.lastIndex(where: { $0 > 0 })
            else { return Filter(first: 0, weights: []) }
            return Filter(first: first, weights: Array(weights[first...last]))
        }
    }

    /// Linear, 200/3 Hz per mel, below 1000 Hz; logarithmic above.
    private static func mel(_ hertz: Double) -> Double {
        hertz < 1000 ? hertz * 3 / 200 : 15 + 27 * log(hertz / 1000) / log(6.4)
    }
    private static func hertz(_ mel: Double) -> Double {
        mel < 15 ? mel * 200 / 3 : 1000 * exp((mel - 15) * log(6.4) / 27)
    }
}
