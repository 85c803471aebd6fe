import Corpora

/// Word error rate: substitutions, insertions and deletions over the words of the reference.
public struct WordErrorRate: Codable, Sendable, Equatable {
    public var substitutions: Int
    public var insertions: Int
    public var deletions: Int
    /// Words of the references.
    public var words: Int

    public var errors: Int { substitutions + insertions + deletions }
    /// Above 1 when more words were inserted than were said; nil without reference words.
    public var rate: Double? { words > 0 ? Double(errors) / Double(words) : nil }

    public init(substitutions: Int = 0, insertions: Int = 0, deletions: Int = 0, words: Int = 0) {
        self.substitutions = substitutions
        self.insertions = insertions
        self.deletions = deletions
        self.words = words
    }

    /// The best alignment of two transcripts, lower-cased and without punctuation. At most `maximumWords` words of the
    /// hypothesis are aligned, so that an endless answer costs no endless time; the rest are insertions.
    public init(reference: String, hypothesis: String) {
        self.init(reference: ResponseForm.words(reference), hypothesis: ResponseForm.words(hypothesis))
    }

    /// The same of words that were taken from the texts already.
    init(reference: [String], hypothesis spoken: [String]) {
        let reference = Array(reference.prefix(Self.maximumWords))
        let hypothesis = Array(spoken.prefix(Self.maximumWords))
        var row = (0...hypothesis.count).map { WordErrorRate(insertions: $0) }
        for word in reference {
            var diagonal = row[0]
            row[0].deletions += 1
            for (column, heard) in hypothesis.enumerated() {
                var best = diagonal
                if word != heard { best.substitutions += 1 }
                if row[column + 1].errors + 1 < best.errors {
                    best = row[column + 1]
                    best.deletions += 1
                }
                if row[column].errors + 1 < best.errors {
                    best = row[column]
                    best.insertions += 1
                }
                diagonal = row[column + 1]
                row[column + 1] = best
            }
        }
        self = row[hypothesis.count]
        insertions += spoken.count - hypothesis.count
        words = reference.count
    }

    public static func + (a: WordErrorRate, b: WordErrorRate) -> WordErrorRate {
        WordErrorRate(
            substitutions: a.substitutions + b.substitutions, insertions: a.insertions + b.insertions,
            deletions: a.deletions + b.deletions, words: a.words + b.words)
    }

    public static func += (a: inout WordErrorRate, b: WordErrorRate) { a = a + b }

    static let maximumWords = 1_000
}

/// Word error rate over a set of clips, errors and words summed first, with an interval over the clips' groups.
public struct WordErrorFigures: Codable, Sendable, Equatable {
    /// Clips.
    public var n: Int
    public var total: WordErrorRate
    public var rate: Double
    public var interval: Interval

    /// nil when no clip has a reference word.
    public init?(
        _ clips: [(rate: WordErrorRate, group: String)], draws: Int = Statistics.defaultDraws,
        seed: UInt64 = Statistics.defaultSeed
    ) {
        let total = clips.reduce(WordErrorRate()) { $0 + $1.rate }
        guard let rate = total.rate else { return nil }
        let groups = Dictionary(grouping: clips, by: \.group).sorted { $0.key < $1.key }
            .map { $0.value.reduce(WordErrorRate()) { $0 + $1.rate } }
        let interval = Statistics.bootstrap(groupCount: groups.count, draws: draws, seed: seed) { drawn in
            drawn.reduce(WordErrorRate()) { $0 + groups[$1] }.rate ?? .nan
        }
        guard let interval else { return nil }
        n = clips.count
        self.total = total
        self.rate = rate
        self.interval = interval
    }

    /// For people: `12.3 % [10.1, 14.9] of 1010 words`.
    public var line: String {
        String(
            format: "%.1f %% [%.1f, %.1f] of %d words", rate * 100, interval.low * 100, interval.high * 100, total.words
        )
    }
}
