/// What is wrong with a weight file or folder: which file and tensor, expected, found, what to do.
public struct CheckpointError: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
