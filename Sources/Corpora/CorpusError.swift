/// What is wrong with a corpus, its texts or the making of its speech: which file, line and field, what was expected,
/// what was found, what to do.
public struct CorpusError: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
