import Corpora

/// What is wrong with an evaluation request: expected, found, what to do.
public struct EvaluationError: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
