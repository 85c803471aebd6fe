/// Finds added tokens (`<|im_start|>`, ...) in a text: leftmost first, of those the longest.
///
/// A byte trie, walked from each byte that begins one, so that the cost does not grow with the number of tokens.
package struct SpecialMatcher: Sendable {
    private var edges: [UInt64: Int32] = [:]
    private var ids: [Int32] = [-1]
    private var begins = [Bool](repeating: false, count: 256)

    package init() {}

    package mutating func add(_ content: [UInt8], id: Int32) {
        guard let first = content.first else { return }
        begins[Int(first)] = true
        var node: Int32 = 0
        for byte in content {
            let edge = UInt64(node) << 8 | UInt64(byte)
            if let child = edges[edge] {
                node = child
            } else {
                ids.append(-1)
                node = Int32(ids.count - 1)
                edges[edge] = node
            }
        }
        ids[Int(node)] = id
    }

    /// Calls `plain` with each stretch of bytes without an added token and `special` with each one found, in order.
    package func split(_ bytes: [UInt8], plain: (Range<Int>) -> Void, special: (Int32) -> Void) {
        var start = 0
        var place = 0
        while place < bytes.count {
            guard begins[Int(bytes[place])], let (end, id) = longest(in: bytes, from: place) else {
                place += 1
                continue
            }
            if start < place { plain(start..<place) }
            special(id)
            start = end
            place = end
        }
        if start < bytes.count { plain(start..<bytes.count) }
    }

    private func longest(in bytes: [UInt8], from start: Int) -> (end: Int, id: Int32)? {
        var node: Int32 = 0
        var found: (end: Int, id: Int32)?
        var place = start
        while place < bytes.count, let child = edges[UInt64(node) << 8 | UInt64(bytes[place])] {
            node = child
            place += 1
            if ids[Int(node)] >= 0 { found = (place, ids[Int(node)]) }
        }
        return found
    }
}
