/// The settings of all five analyses and their defaults.
public struct AnalysisOptions: Codable, Sendable, Equatable {
    public var seed: UInt64 = 0
    /// Analysis 1: training clips per attribute value (paper: 100).
    public var trainPerValue = 100
    /// Analysis 1: folds of held-out groups, each tested once with a draw of its own (paper: 3 resamples).
    public var paralinguisticResamples = 3
    /// Analysis 1: what the test holds out.
    public var heldOut = HeldOut.texts
    /// Analysis 2: training clips per intent and resample (paper: 1 % of FSC); nil: the whole train split, once.
    public var trainPerClass: Int?
    public var intentResamples = 5
    /// Inverse regularisation of analyses 1 and 2, on standardised features.
    public var c = 1.0
    /// Voice probes (encoder and decoder layers, speakers held out).
    public var voiceFolds = 5
    public var voiceC = 0.01
    /// Shuffled labellings per split; few groups (speakers) make a single one jumpy.
    public var controls = 3
    public var bootstrapDraws = 1000
    /// Analysis 3: pairs of opposite intents; nil: found by their words (activate / deactivate, increase / decrease ...).
    public var oppositePairs: [[String]]?
    public var voiceProbes = VoiceProbe.defaults

    public init() {}
}
