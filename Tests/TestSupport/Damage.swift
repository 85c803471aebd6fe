import MLX

/// One to four bytes of a good file changed, taken out or put in.
/// - Parameter inserting: what is put in, any byte unless it is said.
public func damaged(
    _ good: [UInt8], inserting bytes: [UInt8] = Array(0...255), by generator: inout SeededGenerator
) -> [UInt8] {
    var damaged = good
    for _ in 0...generator.index(below: 4) where !damaged.isEmpty {
        let place = generator.index(below: damaged.count)
        switch generator.index(below: 3) {
        case 0: damaged[place] = UInt8(generator.index(below: 256))
        case 1: damaged.remove(at: place)
        default: damaged.insert(bytes[generator.index(below: bytes.count)], at: place)
        }
    }
    return damaged
}
