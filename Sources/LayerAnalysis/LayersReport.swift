/// layers.json: what the analyses measured on one model and one corpus, and the layers they choose.
/// No dates, no paths: the same model, corpus, seed and machine give the same bytes.
public struct LayersReport: Codable, Sendable, Equatable {
    public static let currentVersion = 1

    public var version = LayersReport.currentVersion
    public var model: String
    /// Content hash of the weights: layer numbers hold for this model alone.
    public var modelHash: String
    public var corpus: String
    /// Bits of the decoder's frozen layers, where they were put into fewer on loading.
    public var quantize: Int?
    public var options: AnalysisOptions
    /// Decoder layers and the width of their states.
    public var layers: Int
    public var width: Int
    public var clips: Int
    /// All five, the absent ones with their reason.
    public var analyses: [Analysis]
    /// Paralinguistic probes at the decoder's input, speakers held out: one curve of one point a category.
    public var input: [Curve]
    /// Voice probes with speakers held out, one curve a probe.
    public var encoder: [Curve]
    /// The same probes on the decoder's layers.
    public var decoder: [Curve]
    public var choice: LayerChoice

    public init(
        model: String, modelHash: String, corpus: String, options: AnalysisOptions, layers: Int, width: Int, clips: Int,
        analyses: [Analysis], input: [Curve] = [], encoder: [Curve], decoder: [Curve], choice: LayerChoice
    ) {
        self.model = model
        self.modelHash = modelHash
        self.corpus = corpus
        self.options = options
        self.layers = layers
        self.width = width
        self.clips = clips
        self.analyses = analyses
        self.input = input
        self.encoder = encoder
        self.decoder = decoder
        self.choice = choice
    }

    public var tunedRange: ClosedRange<Int> { choice.tunedRange.range }
    public var warnings: [String] { choice.warnings }

    public func analysis(_ name: Analysis.Name) -> Analysis? { analyses.first { $0.name == name } }

    /// The tuned range, for the model it was measured on and no other.
    /// - Throws: ``LayerAnalysisError`` when hash or depth differ.
    public func tunedRange(forModelHash hash: String, layers count: Int) throws -> ClosedRange<Int> {
        guard hash == modelHash, count == layers else {
            throw LayerAnalysisError(
                "layers.json was measured on \(model) (\(layers) layers, hash \(modelHash)), but this model has \(count) layers "
                    + "and hash \(hash): run analyze on this model, or give the layers as A-B")
        }
        return tunedRange
    }
}
