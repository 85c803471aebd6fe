import MLX
import Speech
import Tokenization

/// What the frozen front end makes of one clip. Plain values, so that they can be cached on disk.
public struct AudioFeatures: Sendable {
    /// [count, width], row-major: the vectors that stand at the audio positions of the prompt.
    public var values: [Float]
    public var count: Int
    public var width: Int
    /// Mean and standard deviation over time of every encoder layer's output: [encoder layers][2 x encoder width].
    public var encoderStates: [[Float]]

    public init(values: [Float], count: Int, width: Int, encoderStates: [[Float]] = []) {
        self.values = values
        self.count = count
        self.width = width
        self.encoderStates = encoderStates
    }
}
