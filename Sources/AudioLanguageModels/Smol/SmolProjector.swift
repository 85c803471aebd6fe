import MLX
import MLXNN

/// From encoder frames to vectors at the LLM's input.
///
/// Content: four stacked frames -> MLP that also sees the vectors before and after -> a few attention blocks over the clip ->
/// a direction in the LLM's own embedding space, another one among vectors made of the tokens' letters, and a blank's score.
/// Trained by CTC against both (cosines, each times a learned scale), no LLM in the loop. For the LLM blanks are dropped,
/// repeats merged, and each vector is the posterior mean of the token embeddings with the norm of the likeliest.
/// Voice: mean and spread of early encoder stages over the clip, reduced to their few main directions (no labels are used) and
/// laid on main directions of the token embeddings, behind the first, which tell words apart most; the same vector is added
/// at every audio position.
public final class SmolProjector: Module {
    /// Frames that make one vector: 50 a second become 12.5.
    public static let stack = 4
    /// Encoder stages whose mean and spread make the voice vector (1 = after the first block).
    public static let voiceStages = [1, 2]

    /// The power of the posterior by which token embeddings are weighted. Over 12,000 tokens the tail of the posterior itself
    /// holds enough to drown the likely ones in the mean of all embeddings (docs/NOTEBOOK.md, 2026-11-26).
    static let sharpness: Float = 3

    @ModuleInfo var norm: LayerNorm
    @ModuleInfo var hidden: Linear
    /// A word is longer than the 80 ms of one vector: [inner, 3 x inner], a convolution of width 3.
    @ModuleInfo var context: Linear
    /// Sounds become words by what surrounds them, and the encoder is made for a decoder that looks at all of it.
    @ModuleInfo var layers: [SmolProjectorLayer]
    @ModuleInfo(key: "layer_norm") var finalNorm: LayerNorm
    @ModuleInfo var out: Linear
    @ModuleInfo var blank: Linear
    @ParameterInfo var scale: MLXArray
    @ModuleInfo var spelling: SmolProjectorSpelling
    @ModuleInfo(key: "spelled_out") var spelledOut: Linear
    @ParameterInfo(key: "spelled_scale") var spelledScale: MLXArray
    /// voice = voice_weight (s - voice_mean), s = the stages' means and deviations.
    @ParameterInfo(key: "voice_mean") public var voiceMean: MLXArray
    @ParameterInfo(key: "voice_weight") public var voiceWeight: MLXArray
    /// Token ids that CTC's classes 1, 2, ... stand for; class 0 is the blank.
    public let tokens: [Int32]
    public var innerWidth: Int { finalNorm.weight.size }

    public init(
        encoderWidth: Int, innerWidth: Int = 384, width: Int, tokens: [Int32], seed: UInt64 = 0
    ) {
        let input = Self.stack * encoderWidth, voice = 2 * Self.voiceStages.count * encoderWidth
        norm = LayerNorm(input)
        hidden = Linear(input, innerWidth, seed: seed &+ 1)
        context = Linear(3 * innerWidth, innerWidth, seed: seed &+ 4)
        layers = (0..<2).map { SmolProjectorLayer(innerWidth, seed: seed &+ 10 &* UInt64($0 + 1)) }
        _finalNorm.wrappedValue = LayerNorm(innerWidth)
        out = Linear(innerWidth, width, seed: seed &+ 2)
        blank = Linear(innerWidth, 1, seed: seed &+ 3)
        scale = MLXArray([12] as [Float])
        spelling = SmolProjectorSpelling(seed: seed &+ 50)
        _spelledOut.wrappedValue = Linear(innerWidth, SmolProjectorSpelling.width, seed: seed &+ 60)
        _spelledScale.wrappedValue = MLXArray([12] as [Float])
        _voiceMean.wrappedValue = .zeros([voice])
        _voiceWeight.wrappedValue = .zeros([width, voice])
        self.tokens = tokens
    }

    /// Unit length along the last axis.
    static func normalised(_ x: MLXArray) -> MLXArray {
        x * rsqrt(x.square().sum(axes: [x.ndim - 1], keepDims: true) + 1e-12)
    }

    /// [B, n, width] -> [B, n, 3 x width]: each vector with the one before and the one after, zeros past the ends: a linear layer on
    /// it is a convolution of width 3.
    static func neighbours(_ x: MLXArray) -> MLXArray {
        let wide = padded(x, widths: [(0, 0), (1, 1), (0, 0)]), n = x.dim(1)
        return concatenated((0..<3).map { wide.slice($0..<$0 + n, axis: 1) }, axis: -1)
    }

    /// stacked [B, n, 4 x encoder width], classes from `classVectors` -> scores [B, n, 1 + V].
    /// - Parameters:
    ///   - counts: [B], vectors of each clip where shorter ones are padded: what lies past a clip's end must look as if
    ///     nothing did.
    ///   - mask: [B, n, 1], the same as ones and zeros.
    ///   - dropout: applied to what the blocks' branches add; nil outside training.
    public func callAsFunction(
        _ stacked: MLXArray, counts: MLXArray? = nil, mask: MLXArray? = nil, classes: MLXArray,
        dropout: ((MLXArray) -> MLXArray)? = nil
    ) -> MLXArray {
        var own = Fused.gelu(hidden(norm(stacked)))
        if let mask { own = own * mask }
        var h = own + Fused.gelu(context(Self.neighbours(own)))
        for layer in layers { h = layer(h, counts: counts, dropout: dropout) }
        h = finalNorm(h)
        let meant = Self.normalised(out(h)) * scale, spelled = Self.normalised(spelledOut(h)) * spelledScale
        return Fused.linear(concatenated([meant, spelled, blank(h)], axis: -1), classes)
    }

    /// [1 + V, width + spelled width + 1]: the unit token embeddings beside the unit vectors of the tokens' letters, with a zero
    /// at the end, after the blank's row, which picks the blank's score alone. One product gives all scores.
    /// - Parameter spelled: `spell(letters:)` of the same tokens.
    public func classVectors(_ embeddings: MLXArray, spelled: MLXArray) -> MLXArray {
        let vectors = concatenated([Self.normalised(embeddings), Self.normalised(spelled)], axis: -1)
        let first = padded(MLXArray.ones([1, 1]), widths: [(0, 0), (vectors.dim(1), 0)])
        return concatenated([first, padded(vectors, widths: [(0, 0), (0, 1)])])
    }

    /// The letters' vectors of tokens, [n, spelled width], from `SmolModel.letters(of:)`.
    public func spell(letters: MLXArray) -> MLXArray { spelling(letters) }

    /// The same of any number of pieces, each worked on with those of its length.
    public func spell(pieces: [String]) throws -> MLXArray { try spelling.vectors(of: pieces) }

    /// What the projector reads of one clip's encoder stages [1, T, width]: the last one's frames, stacked.
    public static func frames(of stages: [MLXArray]) -> MLXArray { stacked(stages[stages.count - 1].squeezed(axis: 0)) }

    /// [T, width] -> [ceil(T / 4), 4 x width]; the last group is filled up with its last frame.
    public static func stacked(_ frames: MLXArray) -> MLXArray {
        let T = frames.dim(0), width = frames.dim(1), n = (T + stack - 1) / stack
        let lack = n * stack - T
        let whole = lack == 0 ? frames : concatenated([frames] + (0..<lack).map { _ in frames[T - 1..<T] })
        return whole.reshaped([n, stack * width])
    }

    /// How many vectors so many frames of 10 ms become: the encoder halves them, `stacked` groups them by four.
    public static func vectors(ofFrames frames: Int) -> Int { ((frames + 1) / 2 + stack - 1) / stack }

    /// What the voice adaptor reads: mean and deviation of each of the stages, in order.
    public static func voiceInput(_ encoderStates: [[Float]]) -> [Float] {
        voiceStages.flatMap { $0 < encoderStates.count ? encoderStates[$0] : [] }
    }
}
