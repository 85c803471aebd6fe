import Corpora
import Foundation

/// Whether an answer is about what was asked: whether, of the texts of a split, its own is the one that it shares most words
/// with, by TF-IDF. A text's words are those of the query and of its reference answers. Offline and simple: two texts on one
/// matter are easily confused, so that figures are to be read beside those of reference answers that the judge has not seen. An
/// echo of the query is no answer: a model that has only learnt to repeat would be on every topic.
public struct TopicJudge: Sendable {
    /// Whole texts (`Utterance.textGroup`), sorted.
    public let texts: [String]
    private let terms: TermVectors
    private let profiles: [SparseVector]
    /// The query and its answers.
    private let words: [Set<String>]
    /// The query's words, by its text group.
    private let asked: [String: Set<String>]
    /// An answer with a smaller share of words that are not the query's repeats it.
    static let ownWords = 1.0 / 3

    public init(_ utterances: [Utterance]) {
        var found: [String: Set<String>] = [:]
        for u in utterances {
            found[u.textGroup, default: []].formUnion([u.text, u.response, u.generic].compactMap { $0 })
        }
        asked = Dictionary(
            utterances.map { ($0.textGroup, Set(ResponseForm.words($0.text))) }, uniquingKeysWith: { $0.union($1) })
        texts = found.keys.sorted()
        words = texts.map { found[$0] ?? [] }
        let documents = words.map(Self.document)
        let terms = TermVectors(documents: documents, minimum: 1)
        self.terms = terms
        profiles = documents.map(terms.vector)
    }

    private static func document(_ words: Set<String>) -> String { words.sorted().joined(separator: " ") }

    /// Whether an answer says back what was asked, misheard words among it or not.
    public func isEcho(_ answer: String, textGroup: String) -> Bool {
        guard let asked = asked[textGroup] else { return false }
        let said = ResponseForm.words(answer), new = said.count { !asked.contains($0) }
        return !said.isEmpty && Double(new) < Self.ownWords * Double(said.count)
    }

    /// A text that shares as much counts against it.
    public func isOnTopic(_ answer: String, textGroup: String) -> Bool {
        guard let own = texts.firstIndex(of: textGroup), !isEcho(answer, textGroup: textGroup) else { return false }
        return isOnTopic(answer, of: own, profile: profiles[own])
    }

    private func isOnTopic(_ answer: String, of own: Int, profile: SparseVector) -> Bool {
        let vector = terms.vector(answer), score = vector.dot(profile)
        return score > 0 && profiles.indices.allSatisfy { $0 == own || vector.dot(profiles[$0]) < score }
    }

    /// How often reference answers are on topic when their own text is known by its other words alone.
    public func control(_ utterances: [Utterance]) -> TopicShare? {
        var seen: Set<String> = [], found: [(isOnTopic: Bool, text: String)] = []
        for u in utterances {
            guard let response = u.response, seen.insert(u.textGroup + "\n" + response).inserted,
                let own = texts.firstIndex(of: u.textGroup)
            else { continue }
            let rest = terms.vector(Self.document(words[own].subtracting([response])))
            found.append((isOnTopic(response, of: own, profile: rest), u.textGroup))
        }
        return TopicShare(found.map(\.isOnTopic), texts: found.map(\.text))
    }
}

/// The share of answers on the topic.
public struct TopicShare: Codable, Sendable, Equatable {
    public var n: Int
    public var share: Double
    /// Wilson's, or from drawing texts where several answers are of one.
    public var interval: Interval

    /// nil for no answers.
    public init?(_ onTopic: [Bool]) {
        guard !onTopic.isEmpty else { return nil }
        let count = onTopic.count { $0 }
        n = onTopic.count
        share = Double(count) / Double(n)
        interval = Statistics.wilson(successes: count, of: n)
    }

    /// Several answers a text: its answers are drawn together.
    init?(_ onTopic: [Bool], texts: [String]) {
        guard let found = Statistics.estimate(onTopic.map { $0 ? 1 : 0 }, groups: texts, range: 0...1) else {
            return nil
        }
        (n, share, interval) = (found.n, found.mean, found.interval)
    }

    /// For people: `73.1 % [64.9, 80.0] of 130`.
    public var line: String {
        String(format: "%.1f %% [%.1f, %.1f] of %d", share * 100, interval.low * 100, interval.high * 100, n)
    }
}
