/// Pairs of opposite intents with almost the same words, found by their names.
public enum OppositePairs {
    private static let opposites = [
        ("activate", "deactivate"), ("increase", "decrease"), ("on", "off"), ("up", "down"),
    ]

    /// (I, I') for every intent that becomes another of the list when one word turns into its opposite. FSC gives 11.
    public static func find(in intents: some Sequence<String>) -> [[String]] {
        let names = Set(intents)
        let byWords = Dictionary(names.sorted().map { (words($0), $0) }, uniquingKeysWith: { first, _ in first })
        var pairs: [[String]] = []
        for name in names.sorted() {
            let parts = words(name)
            for (i, part) in parts.enumerated() {
                guard let opposite = opposites.first(where: { $0.0 == part })?.1 else { continue }
                var other = parts
                other[i] = opposite
                if let found = byWords[other] { pairs.append([name, found]) }
            }
        }
        return pairs
    }

    private static func words(_ intent: String) -> [String] {
        intent.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
    }
}
