import Foundation
import Speech

/// What a deep look at a corpus found.
public struct CorpusReport: Codable, Sendable, Equatable {
    public var utterances = 0
    public var seconds = 0.0
    public var shortestSeconds = 0.0
    public var longestSeconds = 0.0
    public var samples = 0
    /// Clips by sampling rate.
    public var sampleRates: [String: Int] = [:]
    /// Rows of category (or "none"), attribute (or "none"), split and engine, in that order.
    public var counts: [Row] = []
    /// What makes the corpus unfit: audio that cannot be read, learnt texts in two splits.
    public var problems: [String] = []
    /// What may mislead, such as an engine that gives an attribute away.
    public var warnings: [String] = []
    /// False where the check was stopped before its end.
    public var isComplete = true

    public struct Row: Codable, Sendable, Equatable {
        public var category: String
        public var attribute: String
        public var split: String
        public var engine: String
        public var clips: Int
    }
}

extension Corpus {
    /// Opens every clip and looks for leaks between splits and for engines that give the label away.
    /// - Parameters:
    ///   - progress: clips done, clips in all.
    ///   - shouldStop: asked before each clip.
    public func check(
        progress: (Int, Int) -> Void = { _, _ in }, shouldStop: () -> Bool = { false }
    ) -> CorpusReport {
        var report = CorpusReport()
        report.utterances = utterances.count
        report.shortestSeconds = .infinity
        for (index, utterance) in utterances.enumerated() {
            if shouldStop() {
                report.isComplete = false
                break
            }
            do {
                let clip = try AudioFile.read(url(of: utterance))
                report.samples += clip.samples.count
                report.seconds += clip.seconds
                report.shortestSeconds = min(report.shortestSeconds, clip.seconds)
                report.longestSeconds = max(report.longestSeconds, clip.seconds)
                report.sampleRates["\(clip.sampleRate)", default: 0] += 1
                if !clip.samples.contains(where: { abs($0) > 1e-4 }) {
                    report.problems.append("\(utterance.id): \(utterance.audio) is silent")
                }
            } catch {
                report.problems.append("\(utterance.id): \(error)")
            }
            progress(index + 1, utterances.count)
        }
        if !report.shortestSeconds.isFinite { report.shortestSeconds = 0 }
        report.counts = counts()
        report.problems += textLeaks()
        report.warnings += enginesThatTell() + speakersInTwoSplits()
        return report
    }

    /// How many clips there are of each kind, sorted.
    public func counts() -> [CorpusReport.Row] {
        var table: [[String]: Int] = [:]
        for utterance in utterances {
            let key = [
                utterance.category?.rawValue ?? "none", utterance.attribute ?? "none", utterance.split.rawValue,
                utterance.engine,
            ]
            table[key, default: 0] += 1
        }
        return table.keys.sorted { $0.lexicographicallyPrecedes($1) }.map {
            CorpusReport.Row(category: $0[0], attribute: $0[1], split: $0[2], engine: $0[3], clips: table[$0] ?? 0)
        }
    }

    /// Texts whose answer is learnt in one split and asked for in another.
    private func textLeaks() -> [String] {
        var splits: [String: Set<Split>] = [:]
        for utterance in utterances where utterance.response != nil {
            splits[utterance.textGroup, default: []].insert(utterance.split)
        }
        return splits.filter { $0.value.count > 1 }.map { text, found in
            "text \"\(text.prefix(60))\" is in \(found.map(\.rawValue).sorted().joined(separator: " and "))"
        }.sorted()
    }

    private func speakersInTwoSplits() -> [String] {
        var splits: [String: Set<Split>] = [:]
        for utterance in utterances where utterance.category != nil {
            splits[utterance.speaker, default: []].insert(utterance.split)
        }
        return splits.filter { $0.value.contains(.train) && $0.value.count > 1 }.keys.sorted().map {
            "speaker \($0) is in training and in another split: results there are not on unheard voices"
        }
    }

    /// An engine all of whose training clips of a category have one value: the model may learn the engine.
    private func enginesThatTell() -> [String] {
        var values: [Category: [String: Set<String>]] = [:]
        for utterance in utterances where utterance.split == .train {
            guard let category = utterance.category, let attribute = utterance.attribute else { continue }
            values[category, default: [:]][utterance.engine, default: []].insert(attribute)
        }
        var found: [String] = []
        for category in Category.allCases {
            let engines = values[category] ?? [:]
            guard Set(engines.values.flatMap { $0 }).count > 1 else { continue }
            for engine in engines.keys.sorted() {
                guard let only = engines[engine], only.count == 1, let value = only.first else { continue }
                found.append("\(category.rawValue): all training clips of the engine \(engine) are \(value)")
            }
        }
        return found
    }
}
