import Corpora

/// What is wrong with a fine-tuning request or run folder: expected, found, what to do.
public struct FineTuningError: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
