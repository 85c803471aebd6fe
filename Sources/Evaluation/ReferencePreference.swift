import AudioLanguageModels
import Corpora

/// Which of a text's reference answers a model finds likelier, by the voice that asks: no generation and no judge, so that it
/// tells a model that does not know who speaks from one that knows and words its answer badly.
///
/// For two voices a and b of one text with the references A and B, of log-likelihoods l a token:
/// (l(A | a) - l(B | a)) + (l(B | b) - l(A | b)). What one reference has on the other in any voice cancels out.
public struct ReferencePreference: Codable, Sendable, Equatable {
    /// Share of pairs of voices of one text for which the sum is above 0; by chance half. Interval over texts.
    public var ordered: Estimate
    /// Mean negative log-likelihood a token of the references that suit the voices.
    public var loss: Double
    public var chance = 0.5

    /// One clip that was asked about.
    public struct Row: Sendable {
        public var key: JudgedText.Key
        public var attribute: String
        /// Attribute value -> log-likelihood a token of its reference, heard in this voice.
        public var logLikelihoods: [String: Double]

        public init(key: JudgedText.Key, attribute: String, logLikelihoods: [String: Double]) {
            self.key = key
            self.attribute = attribute
            self.logLikelihoods = logLikelihoods
        }
    }

    /// nil where no text was asked by two voices. A text's first clip of each value counts.
    public init?(_ rows: [Row]) {
        var texts: [JudgedText.Key: [Row]] = [:], order: [JudgedText.Key] = []
        for row in rows {
            if texts[row.key] == nil { order.append(row.key) }
            if texts[row.key, default: []].contains(where: { $0.attribute == row.attribute }) { continue }
            texts[row.key, default: []].append(row)
        }
        var values: [Double] = [], groups: [String] = [], losses: [Double] = []
        for key in order {
            let own = texts[key] ?? []
            for (i, a) in own.enumerated() {
                if let loss = a.logLikelihoods[a.attribute] { losses.append(-loss) }
                for b in own[(i + 1)...] {
                    guard let aa = a.logLikelihoods[a.attribute], let ab = a.logLikelihoods[b.attribute],
                        let ba = b.logLikelihoods[a.attribute], let bb = b.logLikelihoods[b.attribute]
                    else { continue }
                    values.append((aa - ab) + (bb - ba) > 0 ? 1 : 0)
                    groups.append(key.textGroup)
                }
            }
        }
        guard let ordered = Statistics.estimate(values, groups: groups, range: 0...1),
            let loss = Statistics.mean(losses)
        else { return nil }
        self.ordered = ordered
        self.loss = loss
    }
}

extension Responder {
    /// By category. Clips without category, attribute or references are passed over.
    public func preferences(
        _ utterances: [Utterance], texts: [JudgedText], features: (Utterance) throws -> AudioFeatures,
        progress: (Int, Int) -> Void = { _, _ in }, shouldStop: () -> Bool = { false }
    ) throws -> [String: ReferencePreference] {
        let known = Dictionary(texts.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        // What to read: clip, attribute value of the reference, its tokens.
        var parts: [(clip: Int, value: String, prompt: Prompt, ids: [Int32])] = []
        for (i, utterance) in utterances.enumerated() {
            guard let key = JudgedText.Key(utterance), utterance.attribute != nil, let text = known[key] else {
                continue
            }
            let prompt = try model.prompt(hearing: features(utterance))
            for (value, response) in text.responses.sorted(by: { $0.key < $1.key }) {
                parts.append((i, value, prompt, model.answerTokens(response)))
            }
        }
        // Those of like length together, so that little is padded.
        let order = parts.indices.sorted {
            (parts[$0].prompt.count + parts[$0].ids.count, $0) < (parts[$1].prompt.count + parts[$1].ids.count, $1)
        }
        var found: [Int: [String: Double]] = [:]
        for start in stride(from: 0, to: order.count, by: batchSize) {
            if shouldStop() { throw CancellationError() }
            let batch = order[start..<min(start + batchSize, order.count)].map { parts[$0] }
            for (part, sum) in zip(batch, try model.logLikelihoods(batch.map { ($0.prompt, $0.ids) })) {
                found[part.clip, default: [:]][part.value] = Double(sum.sum) / Double(max(1, sum.tokens))
            }
            progress(min(start + batchSize, order.count), order.count)
        }
        var rows: [String: [ReferencePreference.Row]] = [:]
        for (i, utterance) in utterances.enumerated() {
            guard let values = found[i], let key = JudgedText.Key(utterance), let attribute = utterance.attribute else {
                continue
            }
            rows[utterance.scenario == nil ? key.category.rawValue : PAMetrics.safety, default: []].append(
                .init(key: key, attribute: attribute, logLikelihoods: values))
        }
        return rows.compactMapValues { ReferencePreference($0) }
    }
}
