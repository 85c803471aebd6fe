/// What is wrong with a tokenizer file or a text: which file and field, what was expected, what to do.
public struct TokenizationError: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
