import Foundation

/// Reads one layout of a data set on disk: which clips there are, and what is known of each.
///
/// A layout is a file in this folder and a line in `ImportLayout`. What is alike for all of them (checks, splits by
/// speaker, names and copies of the audio, rejects) is in `run` and `ImportList`.
public protocol CorpusImporter: Sendable {
    /// What the source must look like, for help and errors.
    var expects: String { get }

    /// Adds every clip of the source to the list, in an order that the source alone decides.
    func read(_ source: URL, into list: ImportList) throws
}

/// A clip that was found.
public struct ImportClip: Sendable {
    /// The recording.
    var source: URL
    /// Its `audio` is set when the recording is transferred.
    var utterance: Utterance
    /// True where the data set has no split of its own: `SpeakerSplits` decides.
    var splitBySpeaker = false
}

/// Whether the audio is copied, or shares its bytes with the original (a hard link; a copy where that fails).
public enum AudioTransfer: Sendable { case copy, link }

/// What an import made.
public struct ImportOutcome: Sendable {
    /// As written, with what was left out in `rejects`.
    public var corpus: Corpus
    /// Fields and columns of the source that have no meaning here, sorted.
    public var unused: [String]
}
