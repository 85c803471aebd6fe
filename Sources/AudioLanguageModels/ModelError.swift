/// What is wrong with a model folder or a request to a model: which file and field, expected, found, what to do.
public struct ModelError: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
