import Foundation
import MLX

extension SeededGenerator {
    /// A generator for one name under one seed: adding clips never changes those that were there.
    package init(seed: UInt64, name: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        self.init(seed: hash ^ (seed &* 0x9E37_79B9_7F4A_7C15))
        _ = next()
    }

    package mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

    /// Standard normal, by Box and Muller; cut at three, so that no clip leaves what the processing can do.
    mutating func normal() -> Double {
        let radius = (-2 * log(max(uniform(), 1e-12))).squareRoot()
        return max(-3, min(3, radius * cos(2 * .pi * uniform())))
    }
}
