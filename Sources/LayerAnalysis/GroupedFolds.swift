import Corpora
import MLX

/// Folds whose groups (texts or speakers) are never split, stratified by label as well as the groups allow.
public struct GroupedFolds: Sendable {
    /// The fold of every clip.
    public let fold: [Int]
    public let count: Int

    /// Greedy: groups in seeded order, large ones first, each into the fold that keeps the label shares most even.
    /// - Throws: ``LayerAnalysisError`` when there are fewer groups than folds.
    public init(groups: [Int], labels: [Int], count: Int, seed: UInt64) throws {
        var members: [Int: [Int]] = [:]
        for (i, g) in groups.enumerated() { members[g, default: []].append(i) }
        guard count >= 2, members.count >= count, labels.count == groups.count else {
            throw LayerAnalysisError(
                "folds: \(members.count) groups for \(count) folds, expected at least one group a fold")
        }
        var random = generator(seed, "folds")
        var order = members.keys.sorted()
        random.shuffle(&order)
        let size = { (g: Int) in members[g]?.count ?? 0 }
        order = order.enumerated().sorted { (size($1.element), $0.offset) < (size($0.element), $1.offset) }.map(
            \.element)
        let classes = (labels.max() ?? 0) + 1
        var totals = [Double](repeating: 0, count: classes)
        for label in labels { totals[label] += 1 }
        var tally = [[Double]](repeating: [Double](repeating: 0, count: classes), count: count)
        var sizes = [Double](repeating: 0, count: count)
        var assigned = [Int](repeating: 0, count: groups.count)
        for group in order {
            let clips = members[group] ?? []
            // The growth of the sum of squared shares: least where these labels are scarcest.
            func cost(_ f: Int) -> Double {
                var added = [Int: Double]()
                for i in clips { added[labels[i], default: 0] += 1 }
                var sum = 0.0
                for label in added.keys.sorted() {
                    let n = added[label] ?? 0
                    sum += (n * n + 2 * n * tally[f][label]) / (totals[label] * totals[label])
                }
                let n = Double(clips.count), all = Double(labels.count)
                return sum + (n * n + 2 * n * sizes[f]) / (all * all)
            }
            let costs = (0..<count).map(cost)
            let best = costs.indices.min { (costs[$0], $0) < (costs[$1], $1) } ?? 0
            for i in clips {
                assigned[i] = best
                tally[best][labels[i]] += 1
            }
            sizes[best] += Double(clips.count)
        }
        fold = assigned
        self.count = count
    }

    public func test(_ f: Int) -> [Int] { fold.indices.filter { fold[$0] == f } }
    public func train(_ f: Int) -> [Int] { fold.indices.filter { fold[$0] != f } }
}

/// What no fold may split.
public enum HeldOut: String, Codable, Sendable, CaseIterable {
    case texts, speakers

    func groups(_ utterances: [Utterance]) -> [Int] {
        indexed(utterances.map { self == .texts ? $0.textGroup : $0.speaker })
    }
}

/// Labels permuted over groups: each group's clips get the labels of another, in random order within it.
///
/// A text's bundle of labels stays together (an intent stays an intent of whole texts), the link to the sound is cut.
func shuffledLabels(_ labels: [Int], groups: [Int], random: inout SeededGenerator) -> [Int] {
    var members: [Int: [Int]] = [:]
    for (i, g) in groups.enumerated() { members[g, default: []].append(i) }
    let order = members.keys.sorted()
    var donors = order
    random.shuffle(&donors)
    var out = labels
    for (group, donor) in zip(order, donors) {
        var given = (members[donor] ?? []).map { labels[$0] }
        random.shuffle(&given)
        for (k, i) in (members[group] ?? []).enumerated() where !given.isEmpty { out[i] = given[k % given.count] }
    }
    return out
}
