/// What one forward pass over one clip leaves for the five analyses.
public struct ClipStates: Sendable {
    /// Mean over the audio positions of what enters the decoder: [width]; empty where it was not collected.
    public var input: [Float]
    /// Mean over the audio positions of each decoder layer's output: [layers][width].
    public var pooled: [[Float]]
    /// Mean and standard deviation over time of each encoder layer's output: [encoder layers][2 x encoder width].
    public var encoder: [[Float]]
    /// For each decoder layer the three likeliest tokens at the last prompt position, through final norm and LM head.
    public var lens: [[Int32]]
    /// The same without the final norm.
    public var lensRaw: [[Int32]]
    /// The likeliest token of the model itself.
    public var top: Int32

    public init(
        input: [Float] = [], pooled: [[Float]], encoder: [[Float]], lens: [[Int32]], lensRaw: [[Int32]], top: Int32
    ) {
        self.input = input
        self.pooled = pooled
        self.encoder = encoder
        self.lens = lens
        self.lensRaw = lensRaw
        self.top = top
    }
}
