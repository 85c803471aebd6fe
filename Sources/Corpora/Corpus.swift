import Foundation

/// A folder with `corpus.jsonl` and the audio that it names.
///
/// ```swift
/// let corpus = try Corpus.load(URL(fileURLWithPath: "my-corpus"))
/// let clips = corpus.utterances.filter { $0.split == .train && $0.category == .age }
/// ```
public struct Corpus: Sendable {
    public var folder: URL
    /// In the order of the file; ids are distinct.
    public var utterances: [Utterance]
    /// Lines that were left out; empty unless `load` was told to skip bad lines.
    public var rejects: [Reject]

    public init(folder: URL, utterances: [Utterance], rejects: [Reject] = []) {
        self.folder = folder
        self.utterances = utterances
        self.rejects = rejects
    }

    /// The name of the file with one utterance a line.
    public static let fileName = "corpus.jsonl"

    /// Where a clip lies.
    public func url(of utterance: Utterance) -> URL { folder.appendingPathComponent(utterance.audio) }

    /// A line that is no good, and why.
    public struct Reject: Sendable, Equatable {
        /// From 1.
        public var line: Int
        /// With file and line, as a strict load would have thrown it.
        public var reason: String
        /// The line itself, cut after 2,000 characters.
        public var content: String
    }
}

/// Limits of a corpus file, in one place.
public enum CorpusLimits {
    /// Bytes of corpus.jsonl.
    public static let file = 1 << 30
    /// Bytes of one line.
    public static let line = 1 << 20
    public static let utterances = 2_000_000
    /// Characters of `text`, `response` and `generic`.
    public static let text = 20_000
    /// Characters of ids, names and paths.
    public static let name = 400
    /// JSON depth: a messages line needs four.
    public static let depth = 64
}
