import Corpora
import MLX

/// Analysis 4: does a declared age change the state? One query by one voice, preceded by different ages; mean cosine
/// of each pair of ages over the queries. Control: a child's against an adult's voice on the undeclared text.
public enum DeclaredAgeCosine {
    public static func run(_ states: [(Utterance, ClipStates)], _ options: AnalysisOptions) throws -> Analysis {
        let ages = Set(states.compactMap { $0.0.declaredAge }).sorted()
        guard ages.count > 1 else {
            return Analysis(.declaredAgeCosine, absent: "the corpus has no clips with at least two declared ages")
        }
        // (query, speaker) -> age -> clip
        var queries: [String: [Int: Int]] = [:]
        for (i, state) in states.enumerated() {
            guard let age = state.0.declaredAge else { continue }
            queries[query(of: state.0) + "\u{0}" + state.0.speaker, default: [:]][age] = i
        }
        let complete = queries.keys.sorted().compactMap { queries[$0] }.filter { $0.count == ages.count }
        guard !complete.isEmpty else {
            return Analysis(
                .declaredAgeCosine,
                absent:
                    "no query is spoken by one voice with all the declared ages \(ages.map(String.init).joined(separator: ", "))"
            )
        }
        let pairs = ages.indices.flatMap { a in ages.indices.filter { $0 > a }.map { (ages[a], ages[$0]) } }
        let layers = states.first?.1.pooled.count ?? 0
        let pooled = states.map(\.1.pooled)
        // [layer][pair][query]
        let cosines = try parallelMap(layers) { layer in
            pairs.map { pair in
                complete.map { clips -> Double in
                    guard let a = clips[pair.0], let b = clips[pair.1] else { return 0 }
                    return Cosine.dot(Cosine.unit(pooled[a][layer]), Cosine.unit(pooled[b][layer]))
                }
            }
        }
        func curve(_ name: String, _ chosen: [Int]) -> Curve {
            Curve(
                name: name,
                data: CurveData(n: complete.count * ages.count, groups: complete.count, unit: "queries"),
                layers: (0..<layers).map { layer in
                    let perQuery = complete.indices.map { q in mean(chosen.map { cosines[layer][$0][q] }) }
                    return value(layer, perQuery, options, "queries")
                })
        }
        let across = pairs.indices.filter { (pairs[$0].0 < 18) != (pairs[$0].1 < 18) }
        let within = pairs.indices.filter { !across.contains($0) }
        var curves: [Curve] = []
        if !across.isEmpty { curves.append(curve("across", across)) }
        if !within.isEmpty { curves.append(curve("within", within)) }
        for (p, pair) in pairs.enumerated() { curves.append(curve("\(pair.0)-\(pair.1)", [p])) }
        let texts = Set(states.filter { $0.0.declaredAge != nil }.map { query(of: $0.0) })
        if let control = try voices(states, texts, options) { curves.append(control) }
        return Analysis(.declaredAgeCosine, curves: curves)
    }

    /// Child v adult voice on texts that declare no age: those of the queries where there are any, else all.
    private static func voices(
        _ states: [(Utterance, ClipStates)], _ texts: Set<String>, _ options: AnalysisOptions
    ) throws -> Curve? {
        func age(_ u: Utterance) -> String? { u.voice?["age"] ?? (u.category == .age ? u.attribute : nil) }
        var sides: [String: (child: [Int], adult: [Int])] = [:]
        for (i, state) in states.enumerated() where state.0.declaredAge == nil {
            if age(state.0) == "child" { sides[state.0.textGroup, default: ([], [])].child.append(i) }
            if age(state.0) == "adult" { sides[state.0.textGroup, default: ([], [])].adult.append(i) }
        }
        sides = sides.filter { !$0.value.child.isEmpty && !$0.value.adult.isEmpty }
        let asked = sides.filter { texts.contains($0.key) }
        let used = asked.isEmpty ? sides : asked
        let ordered = used.keys.sorted().compactMap { used[$0] }
        guard !ordered.isEmpty else { return nil }
        let pooled = states.map(\.1.pooled)
        let perText = try parallelMap(pooled.first?.count ?? 0) { layer in
            ordered.map { side in
                Cosine.across(
                    side.child.map { Cosine.unit(pooled[$0][layer]) }, side.adult.map { Cosine.unit(pooled[$0][layer]) }
                )
            }
        }
        return Curve(
            name: "voices",
            data: CurveData(
                n: ordered.reduce(0) { $0 + $1.child.count + $1.adult.count }, groups: ordered.count, unit: "texts",
                note: asked.isEmpty
                    ? "control: child v adult voice, other texts than the queries" : "control: child v adult voice"),
            layers: perText.enumerated().map { value($0.offset, $0.element, options, "voices") })
    }

    private static func value(_ layer: Int, _ units: [Double], _ options: AnalysisOptions, _ part: String) -> LayerValue
    {
        let bounds = Interval.ofMean(units, reach: 1, options, part: part)
        return LayerValue(layer: layer, value: mean(units), low: bounds.low, high: bounds.high)
    }

    /// The text without its declaration: what follows "... years old", wherever that ends.
    package static func query(of utterance: Utterance) -> String {
        let words = utterance.textGroup.split(separator: " ").map(String.init)
        guard utterance.declaredAge != nil, let old = words.firstIndex(of: "old"), old > 0,
            words[old - 1].hasPrefix("year")
        else { return words.joined(separator: " ") }
        // "I'm twenty-nine years old": the words of the number, and the subject before them.
        var start = old - 1
        while start > 0, numbers.contains(words[start - 1]) || words[start - 1].allSatisfy(\.isNumber) { start -= 1 }
        while start > 0, ["im", "i", "am"].contains(words[start - 1]) { start -= 1 }
        return (words[..<start] + words[(old + 1)...]).joined(separator: " ")
    }

    private static let numbers: Set<String> = {
        let units = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
        let tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
        let teens = [
            "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
            "nineteen",
        ]
        return Set(units + tens + teens + tens.flatMap { ten in units.map { ten + $0 } })
    }()
}
