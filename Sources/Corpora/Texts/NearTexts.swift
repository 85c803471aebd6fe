/// Texts that others must not repeat, whole or nearly.
package struct NearTexts {
    private let sets: [Set<String>]
    /// By word, the places of the texts that have it.
    private var places: [String: [Int]] = [:]
    /// Two texts are near when this share of their joint words is common to both.
    static let nearness = 0.7

    package init(_ texts: Set<String>) {
        sets = texts.sorted().map { Set(Self.words($0)) }
        for (index, words) in sets.enumerated() {
            for word in words { places[word, default: []].append(index) }
        }
    }

    /// Small letters, digits and apostrophes.
    package static func words(_ text: String) -> [String] {
        text.lowercased().split { !($0.isLetter || $0.isNumber || $0 == "'") }.map(String.init)
    }

    package func hasNear(_ text: String) -> Bool {
        let words = Set(Self.words(text))
        var common: [Int: Int] = [:]
        for word in words { for index in places[word] ?? [] { common[index, default: 0] += 1 } }
        return common.contains { index, count in
            Double(count) >= Self.nearness * Double(words.count + sets[index].count - count)
        }
    }
}
