/// What is wrong with an audio file: which file and field, what was expected, what to do.
public struct SpeechError: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
