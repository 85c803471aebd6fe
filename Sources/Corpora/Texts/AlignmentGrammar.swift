import Foundation

/// Everyday spoken English for training the map from speech to word embeddings: templates whose `{slots}` are filled
/// from word lists, and natural sentences of their own. `Resources/texts/alignment.json` holds the bundled one.
///
///     let texts = try AlignmentGrammar.loadBundled().sentences(count: 8_000, seed: 1, excluding: heldOut)
public struct AlignmentGrammar: Decodable, Sendable {
    public let templates: [String]
    public let slots: [String: [String]]
    /// Sentences that stand as they are: the share of speech that follows no template.
    public let sentences: [String]

    /// The templates cut at their slots, in the order of `templates`.
    private let compiled: [CompiledTemplate]

    private enum CodingKeys: String, CodingKey { case templates, slots, sentences }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        templates = try container.decode([String].self, forKey: .templates)
        slots = try container.decode([String: [String]].self, forKey: .slots)
        sentences = try container.decode([String].self, forKey: .sentences)
        compiled = try templates.map { [slots] template in
            do {
                return try CompiledTemplate(template, slots: slots)
            } catch let problem as CompiledTemplate.Problem {
                throw DecodingError.dataCorruptedError(
                    forKey: .templates, in: container, debugDescription: "template \"\(template)\": \(problem.text)")
            }
        }
    }

    /// The grammar that comes with the package.
    package static func loadBundled() throws -> AlignmentGrammar {
        guard
            let url = Bundle.module.url(
                forResource: "alignment", withExtension: "json", subdirectory: "Resources/texts")
                ?? Bundle.module.url(forResource: "alignment", withExtension: "json", subdirectory: "texts")
        else { throw CocoaError(.fileReadNoSuchFile, userInfo: [NSFilePathErrorKey: "texts/alignment.json"]) }
        return try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
    }

    /// Lowercased letters, digits and spaces: what two texts must share to count as the same, as in
    /// `Utterance.textGroup`.
    package static func normalized(_ text: String) -> String {
        text.lowercased().filter { $0.isLetter || $0.isNumber || $0 == " " }
    }

    /// `count` distinct sentences in an order that depends on the seed alone; fewer where the grammar has no more.
    /// - Parameter excluding: texts that must not come out, in any spelling with the same `normalized` form.
    public func sentences(count: Int, seed: UInt64, excluding: Set<String> = []) -> [String] {
        guard count > 0 else { return [] }
        var generator = SplitMix64(state: seed)
        var seen = Set(excluding.map(Self.normalized))
        var result: [String] = []
        var natural = sentences.shuffled(using: &generator)[...]
        var misses = 0
        // Equal turns for every template: by capacity, the few with three slots would fill nearly everything.
        while result.count < count, misses < 1_000 {
            let candidate: String?
            if Int.random(in: 0..<8, using: &generator) == 0, let next = natural.popFirst() {
                candidate = next
            } else if let template = compiled.randomElement(using: &generator) {
                candidate = template.sentence(at: Int.random(in: 0..<template.capacity, using: &generator))
            } else if let next = natural.popFirst() {
                candidate = next
            } else {
                break
            }
            if let candidate, seen.insert(Self.normalized(candidate)).inserted {
                result.append(candidate)
                misses = 0
            } else {
                misses += 1
            }
        }
        // Drawing finds hardly anything new by now: take what is left in order.
        for candidate in natural where result.count < count {
            if seen.insert(Self.normalized(candidate)).inserted { result.append(candidate) }
        }
        for template in compiled {
            var index = 0
            while result.count < count, index < template.capacity {
                if let candidate = template.sentence(at: index), seen.insert(Self.normalized(candidate)).inserted {
                    result.append(candidate)
                }
                index += 1
            }
        }
        return result
    }
}

/// A template whose fillings are numbered 0 ..< capacity, so that one draw chooses them all.
private struct CompiledTemplate: Sendable {
    struct Problem: Error { let text: String }

    private let literals: [String]  // one more than fillers
    private let names: [String]
    private let fillers: [[String]]
    let capacity: Int

    init(_ template: String, slots: [String: [String]]) throws {
        var literals: [String] = []
        var names: [String] = []
        var fillers: [[String]] = []
        var capacity = 1
        var rest = template[...]
        while let open = rest.firstIndex(of: "{") {
            guard let close = rest[open...].firstIndex(of: "}") else {
                throw Problem(text: "\"{\" has no \"}\"; close the slot's name")
            }
            let name = String(rest[rest.index(after: open)..<close])
            guard let words = slots[name], !words.isEmpty else {
                throw Problem(text: "slot \"\(name)\" is missing or empty; list its fillers under \"slots\"")
            }
            let (product, overflow) = capacity.multipliedReportingOverflow(by: words.count)
            guard !overflow else { throw Problem(text: "more sentences than can be numbered; use fewer slots") }
            capacity = product
            literals.append(String(rest[..<open]))
            names.append(name)
            fillers.append(words)
            rest = rest[rest.index(after: close)...]
        }
        literals.append(String(rest))
        self.literals = literals
        self.names = names
        self.fillers = fillers
        self.capacity = capacity
    }

    /// The filling with this number, read as mixed-radix digits: the first slot is the fastest. nil where one slot
    /// gets the same filler twice ("from Rome to Rome").
    func sentence(at index: Int) -> String? {
        var rest = index
        var text = literals[0]
        var chosen: [String: Set<Int>] = [:]
        for (slot, words) in fillers.enumerated() {
            let digit = rest % words.count
            guard chosen[names[slot], default: []].insert(digit).inserted else { return nil }
            text += words[digit] + literals[slot + 1]
            rest /= words.count
        }
        return text.prefix(1).uppercased() + text.dropFirst()
    }
}

/// Steele, Lea and Flood's generator (2014): the same sequence on every platform.
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
