/// The merge rules of a BPE: which two neighbouring tokens become one, and which pair goes first.
///
/// A word is merged by always taking the pair of lowest rank, the leftmost of equals, until no pair has a rule. Short
/// words are scanned; long ones use a heap with a linked list, n log n, so that 10,000 letters without a blank cost
/// milliseconds. Both give the same tokens.
package struct MergeTable: Sendable {
    package struct Rule: Sendable {
        package let rank: Int32
        package let result: Int32
    }

    private var rules: [UInt64: Rule] = [:]

    package var count: Int { rules.count }

    package init(capacity: Int) { rules.reserveCapacity(capacity) }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    package func rule(_ left: Int32, _ right: Int32) -> Rule? { rules[Self.key(left, right)] }

    /// Adds a rule; false when the pair has one already.
    package mutating func add(_ left: Int32, _ right: Int32, rank: Int32, result: Int32) -> Bool {
        let key = Self.key(left, right)
        guard rules[key] == nil else { return false }
        rules[key] = Rule(rank: rank, result: result)
        return true
    }

    /// Below this length scanning beats the heap.
    private static let shortWord = 40

    /// Appends the merged tokens of a word, given as its byte tokens.
    package func merge(_ word: [Int32], into tokens: inout [Int32]) {
        if word.count < 2 {
            tokens.append(contentsOf: word)
        } else if word.count <= Self.shortWord {
            mergeByScan(word, into: &tokens)
        } else {
            mergeByHeap(word, into: &tokens)
        }
    }

    package func mergeByScan(_ word: [Int32], into tokens: inout [Int32]) {
        var parts = word
        var found: [Rule?] = zip(word, word.dropFirst()).map { rule($0, $1) }
        while true {
            var best = -1
            var bestRank = Int32.max
            for (place, rule) in found.enumerated() {
                if let rule, rule.rank < bestRank {
                    bestRank = rule.rank
                    best = place
                }
            }
            guard best >= 0, let chosen = found[best] else { break }
            parts[best] = chosen.result
            parts.remove(at: best + 1)
            found.remove(at: best)
            if best > 0 { found[best - 1] = rule(parts[best - 1], parts[best]) }
            if best < found.count { found[best] = rule(parts[best], parts[best + 1]) }
        }
        tokens.append(contentsOf: parts)
    }

    package func mergeByHeap(_ word: [Int32], into tokens: inout [Int32]) {
        let count = word.count
        var parts = word
        var next = (0..<count).map { Int32($0 + 1) }
        var previous = (0..<count).map { Int32($0 - 1) }
        var alive = [Bool](repeating: true, count: count)
        var heap = CandidateHeap()

        func offer(_ left: Int, _ right: Int, to heap: inout CandidateHeap) {
            guard let rule = rule(parts[left], parts[right]) else { return }
            heap.push(
                Candidate(rank: rule.rank, place: Int32(left), left: parts[left], right: parts[right], rule: rule))
        }
        for place in 0..<max(0, count - 1) { offer(place, place + 1, to: &heap) }
        while let candidate = heap.pop() {
            let left = Int(candidate.place)
            let right = Int(next[left])
            // A candidate is stale once one of its two tokens has changed.
            guard alive[left], right < count, parts[left] == candidate.left, parts[right] == candidate.right else {
                continue
            }
            parts[left] = candidate.rule.result
            alive[right] = false
            let after = Int(next[right])
            next[left] = Int32(after)
            if after < count {
                previous[after] = Int32(left)
                offer(left, after, to: &heap)
            }
            if previous[left] >= 0 { offer(Int(previous[left]), left, to: &heap) }
        }
        var place = 0
        while place < count {
            tokens.append(parts[place])
            place = Int(next[place])
        }
    }
}

private struct Candidate {
    let rank: Int32
    let place: Int32
    let left: Int32
    let right: Int32
    let rule: MergeTable.Rule

    /// Lowest rank first, then leftmost.
    func precedes(_ other: Candidate) -> Bool {
        rank != other.rank ? rank < other.rank : place < other.place
    }
}

/// A binary min-heap of merge candidates.
private struct CandidateHeap {
    private var items: [Candidate] = []

    mutating func push(_ item: Candidate) {
        items.append(item)
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard items[child].precedes(items[parent]) else { return }
            items.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> Candidate? {
        guard let first = items.first, let last = items.popLast() else { return nil }
        guard !items.isEmpty else { return first }
        items[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < items.count else { return first }
            if child + 1 < items.count, items[child + 1].precedes(items[child]) { child += 1 }
            guard items[child].precedes(items[parent]) else { return first }
            items.swapAt(child, parent)
            parent = child
        }
    }
}
