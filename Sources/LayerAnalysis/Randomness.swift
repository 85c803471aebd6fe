import MLX

/// A generator for one named part of an analysis: parts draw independently, whatever order they run in.
func generator(_ seed: UInt64, _ part: String, _ index: Int = 0) -> SeededGenerator {
    // FNV-1a over the name, then the seed and index.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash = (hash ^ seed) &* 0x100_0000_01B3
    var first = SeededGenerator(seed: hash &+ UInt64(truncatingIfNeeded: index) &* 0x9E37_79B9_7F4A_7C15)
    return SeededGenerator(seed: first.next())
}

/// Names to indices in order of their first use.
func indexed(_ names: [String]) -> [Int] {
    var known: [String: Int] = [:]
    return names.map { name in
        if let i = known[name] { return i }
        known[name] = known.count
        return known.count - 1
    }
}
