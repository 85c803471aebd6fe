import AudioLanguageModels
import Checkpoints
import Corpora
import Foundation
import Speech

/// What a transcriber understood of a corpus, and which clips were dropped for it.
public struct CorpusVerification: Codable, Sendable, Equatable {
    /// Clips of one kind, dropped ones included.
    public struct Row: Codable, Sendable, Equatable {
        /// nil where no clip has a word.
        public var wordErrors: WordErrorFigures?
        public var clips: Int
        public var dropped: Int
    }

    /// The highest word error rate of a clip that is kept.
    public var limit: Double
    public var all: Row
    /// What is left of the word errors without the dropped clips.
    public var kept: WordErrorFigures?
    /// By what spoke it.
    public var engines: [String: Row]
    /// By category and attribute value, "age child" say; "none" for clips without.
    public var attributes: [String: Row]
    /// Ids, in the order of the corpus.
    public var dropped: [String]
    /// Clips that were transcribed in this run; the other transcripts were there.
    public var transcribed: Int
    /// Of this run.
    public var seconds: Double
}

/// Has every clip of a corpus transcribed and drops what is not understood.
public struct CorpusVerifier {
    public let transcriber: Transcriber
    /// Clips that are transcribed together, and the bytes of their files: long ones are fewer.
    static let batch = 64, batchBytes = 32 << 20
    /// A clip with more word errors than this is heard once more, in a whole window, and that transcript counts: quick hearing
    /// fails now and then for no fault of the clip. Fixed, so that transcripts do not depend on the limit.
    static let doubtful = 0.5
    /// Between two writes of the transcripts.
    private static let secondsBetweenWrites = 20.0

    public init(transcriber: Transcriber) { self.transcriber = transcriber }

    /// Transcribes, writes transcripts.jsonl, then dropped.jsonl and corpus.jsonl where something is to be dropped or to come back.
    /// Clips that an earlier run dropped are judged anew, by `limit`; the same limit gives the same files. Stopped, it goes on from
    /// the transcripts that there are.
    ///
    /// - Parameters:
    ///   - limit: a clip with a higher word error rate is dropped.
    ///   - progress: clips done, clips in all.
    public func verify(
        _ folder: URL, limit: Double, progress: (Int, Int) -> Void = { _, _ in }, shouldStop: () -> Bool = { false }
    ) throws -> CorpusVerification {
        let start = Date(), before = try Corpus.dropped(in: folder)
        let loaded = try Corpus.load(folder)
        let corpus = Corpus(folder: folder, utterances: loaded.restoring(before))
        let (texts, transcribed) = try transcripts(of: corpus, progress: progress, shouldStop: shouldStop)
        let rates = zip(corpus.utterances, texts).map { Self.rate(text: $0.text, transcript: $1) }
        let dropped = corpus.utterances.indices.compactMap { i -> Corpus.Dropped? in
            guard let rate = rates[i].rate, rate > limit else { return nil }
            return Corpus.Dropped(
                utterance: corpus.utterances[i], position: i, transcript: texts[i],
                wordErrorRate: (rate * 10_000).rounded() / 10_000)
        }
        if dropped != before || corpus.utterances.count - dropped.count != loaded.utterances.count {
            try corpus.write(dropping: dropped, before: before)
        }
        let gone = Set(dropped.map(\.position))
        func row(_ clips: [Int]) -> CorpusVerification.Row {
            CorpusVerification.Row(
                wordErrors: WordErrorFigures(clips.map { (rates[$0], corpus.utterances[$0].textGroup) }),
                clips: clips.count, dropped: clips.count { gone.contains($0) })
        }
        func rows(_ name: (Utterance) -> String) -> [String: CorpusVerification.Row] {
            Dictionary(grouping: corpus.utterances.indices) { name(corpus.utterances[$0]) }.mapValues(row)
        }
        let all = Array(corpus.utterances.indices)
        return CorpusVerification(
            limit: limit, all: row(all), kept: row(all.filter { !gone.contains($0) }).wordErrors,
            engines: rows(\.engine),
            attributes: rows { clip in
                let kind = [clip.category?.rawValue, clip.attribute].compactMap { $0 }
                return kind.isEmpty ? "none" : kind.joined(separator: " ")
            }, dropped: dropped.map(\.utterance.id), transcribed: transcribed, seconds: Date().timeIntervalSince(start))
    }

    /// Word errors of a transcript after both texts were brought to one spelling (`SpokenWords`).
    public static func rate(text: String, transcript: String) -> WordErrorRate {
        let (reference, hypothesis) = SpokenWords.joiningCompounds(
            SpokenWords.words(text), SpokenWords.words(transcript))
        return WordErrorRate(reference: reference, hypothesis: hypothesis)
    }

    private func transcripts(
        of corpus: Corpus, progress: (Int, Int) -> Void, shouldStop: () -> Bool
    ) throws -> (texts: [String], transcribed: Int) {
        let clips = corpus.utterances
        var file = TranscriptFile(folder: corpus.folder, transcriber: transcriber.hash)
        let sums = try clips.map { clip -> String in
            if shouldStop() { throw CancellationError() }
            return try Checksum.sha256(file: corpus.url(of: clip))
        }
        // Clips of one length together: a short one costs as much as the longest of its batch.
        var known = Set(sums.filter { file[$0] != nil })
        let done = clips.count - clips.indices.count { !known.contains(sums[$0]) }
        var pending = clips.indices.filter { known.insert(sums[$0]).inserted }
            .map { (index: $0, bytes: Self.size(corpus.url(of: clips[$0]))) }
            .sorted { ($0.bytes, $0.index) < ($1.bytes, $1.index) }[...]
        var written = Date(), count = 0
        do {
            while !pending.isEmpty {
                var bytes = 0
                let fitting = pending.prefix(Self.batch).prefix {
                    bytes += $0.bytes
                    return bytes <= Self.batchBytes
                }
                let part = pending.prefix(max(1, fitting.count)).map(\.index)
                pending = pending.dropFirst(part.count)
                let texts = try heard(part.map { clips[$0] }, of: corpus, shouldStop: shouldStop)
                for (i, text) in zip(part, texts) { file.add(text, of: clips[i].id, sum: sums[i]) }
                count += part.count
                progress(done + count, clips.count)
                guard Date().timeIntervalSince(written) > Self.secondsBetweenWrites else { continue }
                try file.write(sums)
                written = Date()
            }
        } catch {
            if count > 0 { try file.write(sums) }
            throw error
        }
        if count > 0 { try file.write(sums) }
        return (sums.map { file[$0] ?? "" }, count)
    }

    private func heard(_ clips: [Utterance], of corpus: Corpus, shouldStop: () -> Bool) throws -> [String] {
        let sounds = try clips.map { try AudioFile.read(corpus.url(of: $0)) }
        var texts = try transcriber.transcribe(sounds, shouldStop: shouldStop)
        let doubts = clips.indices.filter {
            Self.rate(text: clips[$0].text, transcript: texts[$0]).rate ?? 0 > Self.doubtful
        }
        let again = try transcriber.transcribe(doubts.map { sounds[$0] }, hearing: .whole, shouldStop: shouldStop)
        for (i, text) in zip(doubts, again) { texts[i] = text }
        return texts
    }

    private static func size(_ url: URL) -> Int {
        ((try? FileManager.default.attributesOfItem(atPath: url.path))?[.size] as? Int) ?? 0
    }
}
