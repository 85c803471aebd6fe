import Foundation
import Speech

/// Speaks a plan into a corpus folder. Stopped or killed, it goes on where it was: a clip's file name holds the hash of
/// its job, so that a file that is there is the right one. corpus.jsonl is written last.
public struct CorpusBuilder: Sendable {
    public struct Progress: Sendable {
        public var done: Int
        public var total: Int
        /// Of `done`, clips that were there already.
        public var kept: Int
    }

    public struct Outcome: Sendable {
        /// nil where the work was stopped before its end.
        public var corpus: Corpus?
        public var spoken: Int
        public var kept: Int
        public var seconds: Double
    }

    public let plan: CorpusPlan
    public let folder: URL
    private let environment: SpeechEnvironment

    public init(plan: CorpusPlan, folder: URL, environment: SpeechEnvironment) {
        self.plan = plan
        self.folder = folder
        self.environment = environment
    }

    /// Before the work: a corpus that was not built is not overwritten.
    public static func check(_ folder: URL) throws {
        let file = folder.appendingPathComponent(Corpus.fileName)
        guard FileManager.default.fileExists(atPath: file.path) else { return }
        // A clip that was deleted is spoken again: its line is bad until then.
        guard let there = try? Corpus.load(folder, skipBad: true), there.utterances.allSatisfy(isBuilt) else {
            throw CorpusError(
                "\(folder.path) holds a corpus that was not built here: choose another folder, or remove its \(Corpus.fileName)"
            )
        }
    }

    /// Where a clip is kept. Its name ends with the hash of its job.
    private static func audio(_ utterance: Utterance, hash: some StringProtocol) -> String {
        "audio/\(utterance.id)-\(hash).wav"
    }

    private static func isBuilt(_ utterance: Utterance) -> Bool {
        let hash = utterance.audio.dropLast(4).suffix(12)
        return hash.wholeMatch(of: /[0-9a-f]{12}/) != nil && utterance.audio == audio(utterance, hash: hash)
    }

    /// - Parameters:
    ///   - workers: processes at once, at most 64; nil: one per core, at most 8.
    ///   - progress: called from several threads, one at a time.
    ///   - shouldStop: asked before every clip, from several threads.
    /// - Throws: `CorpusError` that names the first clips that could not be spoken, after all others are done, or where many in a
    ///   row could not.
    public func build(
        workers: Int? = nil, progress: @escaping @Sendable (Progress) -> Void = { _ in },
        shouldStop: @escaping @Sendable () -> Bool = { false }
    ) throws -> Outcome {
        let start = Date()
        try Self.check(folder)
        do {
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent("audio"), withIntermediateDirectories: true)
        } catch {
            throw CorpusError("\(folder.path): cannot be made: \(error.localizedDescription)")
        }
        let items = plan.items.map { item in
            var item = item
            item.utterance.audio = Self.audio(
                item.utterance, hash: item.job.hash(scripts: environment.scriptsHash))
            return item
        }
        let state = State(total: items.count, progress: progress)
        let count = max(1, min(workers ?? min(8, ProcessInfo.processInfo.activeProcessorCount), 64, items.count))
        // Threads of their own: an endpoint's workers wait most of the time, so that there may be more of them than cores.
        let ended = DispatchGroup()
        @Sendable func speak() {
            let worker = SpeechWorker(environment)
            while !shouldStop(), let index = state.next() {
                let item = items[index]
                let url = folder.appendingPathComponent(item.utterance.audio)
                if Self.isWhole(url) {
                    state.finish(kept: true)
                    continue
                }
                do {
                    _ = try worker.speak(item.job, to: url)
                    state.finish(kept: false)
                } catch {
                    state.fail(index, "\(item.utterance.id): \(error)")
                }
            }
        }
        for _ in 0..<count {
            ended.enter()
            Thread {
                speak()
                ended.leave()
            }.start()
        }
        ended.wait()
        let outcome = state.outcome
        if !outcome.failures.isEmpty {
            throw CorpusError(
                "\(outcome.failures.count) of \(items.count) clips could not be spoken; those that were are kept. First: "
                    + outcome.failures.prefix(3).joined(separator: "; "))
        }
        var corpus: Corpus?
        if outcome.done == items.count {
            let made = Corpus(folder: folder, utterances: items.map(\.utterance))
            try made.writeAnew()
            corpus = made
        }
        return Outcome(
            corpus: corpus, spoken: outcome.done - outcome.kept, kept: outcome.kept,
            seconds: Date().timeIntervalSince(start))
    }

    /// The worker writes beside and renames, so a WAV whose header agrees with its size is good.
    private static func isWhole(_ url: URL) -> Bool {
        guard let file = try? FileHandle(forReadingFrom: url) else { return false }
        defer { try? file.close() }
        guard let header = try? file.read(upToCount: 44), header.count == 44, let size = try? file.seekToEnd() else {
            return false
        }
        let bytes = [UInt8](header[40..<44])
        let data = bytes.enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
        return data > 0 && size == data + 44
    }

    /// What the workers share.
    private final class State: @unchecked Sendable {  // every field under the lock
        private let lock = NSLock()
        private let total: Int
        private let progress: @Sendable (Progress) -> Void
        private var following = 0
        private var done = 0
        private var kept = 0
        private var failures: [(Int, String)] = []
        /// Failures since the last clip that was spoken: so many one after the other mean that none will be.
        private var failing = 0
        private static let patience = 25

        init(total: Int, progress: @escaping @Sendable (Progress) -> Void) {
            self.total = total
            self.progress = progress
        }

        func next() -> Int? {
            lock.withLock {
                guard following < total, failing < Self.patience else { return nil }
                following += 1
                return following - 1
            }
        }

        func finish(kept isKept: Bool) {
            lock.withLock {
                done += 1
                if !isKept { failing = 0 }
                if isKept { kept += 1 }
                progress(Progress(done: done, total: total, kept: kept))
            }
        }

        func fail(_ index: Int, _ reason: String) {
            lock.withLock {
                failures.append((index, reason))
                failing += 1
            }
        }

        var outcome: (done: Int, kept: Int, failures: [String]) {
            lock.withLock { (done, kept, failures.sorted { $0.0 < $1.0 }.map(\.1)) }
        }
    }
}
