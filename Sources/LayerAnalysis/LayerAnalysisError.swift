/// What is wrong with the states, labels or layers.json that an analysis was given.
public struct LayerAnalysisError: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
