import AudioLanguageModels
import Corpora
import MLX
import Speech

/// Whether a model could learn something else from a corpus than the voice: the engine, the processing, the level, a text
/// or a speaker that it meets again.
public enum CorpusAudit {
    /// - Parameters:
    ///   - hearing: the features of a clip by a model's encoder; nil: the probes hear log-mel statistics alone.
    ///   - progress: steps done, steps in all, what is being done.
    ///   - shouldStop: asked between clips and between probes; true throws `CancellationError`.
    public static func run(
        _ corpus: Corpus, options: AuditOptions = AuditOptions(), hearing: ((Utterance) throws -> AudioFeatures)? = nil,
        progress: (Int, Int, String) -> Void = { _, _, _ in }, shouldStop: () -> Bool = { false }
    ) throws -> AuditReport {
        try options.check()
        let chosen = draw(corpus.utterances, options)
        // A clip is one step, a probe as long as twenty.
        let probes = 1 + Category.allCases.count
        let views = AuditView.allCases.filter { $0 != .encoder || hearing != nil }
        let total = chosen.count + 20 * probes * views.count
        var done = 0
        func step(_ count: Int, _ what: String) throws {
            if shouldStop() { throw CancellationError() }
            progress(done, total, what)
            done += count
        }

        var findings = engines(corpus.utterances, options) + splits(corpus.utterances)
        var clips: [AuditClip] = []
        var unreadable: [String] = []
        let mel = try LogMel(bins: 80)
        for start in stride(from: 0, to: chosen.count, by: 16) {
            let batch = Array(chosen[start..<min(start + 16, chosen.count)])
            try step(batch.count, "listening")
            let heard = try parallelMap(batch.count) { index -> Result<AuditClip, SpeechError> in
                do throws(SpeechError) {
                    return .success(try listen(to: batch[index], in: corpus, mel))
                } catch {
                    return .failure(error)
                }
            }
            for (utterance, result) in zip(batch, heard) {
                switch result {
                case .success(var clip):
                    if let hearing {
                        let features = try hearing(utterance)
                        let stages = features.encoderStates.flatMap { $0 }
                        clip.states[.encoder] = stages.isEmpty ? features.mean : stages
                    }
                    clips.append(clip)
                case .failure(let error): unreadable.append("\(utterance.id): \(error)")
                }
            }
        }
        findings += try measures(clips, options)
        for view in views {
            try step(20, "probe of the categories, \(view.rawValue)")
            findings.append(try residue(clips, view, options))
            for category in Category.allCases {
                try step(20, "engines left out, \(category.rawValue), \(view.rawValue)")
                findings.append(try engineLeftOut(clips, category, view, options))
            }
        }
        progress(total, total, "done")
        return AuditReport(options: options, clips: clips.count, unreadable: unreadable, findings: findings)
    }

    /// Labelled clips, at most so many of a cell of category, value and engine, drawn by seed; in the corpus' order.
    private static func draw(_ utterances: [Utterance], _ options: AuditOptions) -> [Utterance] {
        var cells: [String: [Int]] = [:]
        for (index, utterance) in utterances.enumerated() where utterance.scenario == nil {
            guard let category = utterance.category, let value = utterance.attribute else { continue }
            cells["\(category.rawValue) \(value) \(utterance.engine)", default: []].append(index)
        }
        var chosen: [Int] = []
        for (name, members) in cells.sorted(by: { $0.key < $1.key }) {
            var (order, random) = (members, generator(options.seed, "audit \(name)"))
            random.shuffle(&order)
            chosen += order.prefix(options.clipsPerCell)
        }
        return chosen.sorted().map { utterances[$0] }
    }

    private static func listen(
        to utterance: Utterance, in corpus: Corpus, _ mel: LogMel
    ) throws(SpeechError) -> AuditClip {
        do {
            return try AuditClip(utterance, AudioFile.read(corpus.url(of: utterance)), mel: mel)
        } catch let error as SpeechError {
            throw error
        } catch {
            throw SpeechError("\(error)")
        }
    }

    /// The verdict on an accuracy that should be at chance.
    static func verdict(low: Double, chance: Double, _ options: AuditOptions) -> AuditVerdict {
        low <= chance ? .passed : low <= chance + options.tolerance ? .warning : .problem
    }
}
