/// One layer's figure of one analysis.
public struct LayerValue: Codable, Sendable, Equatable {
    public var layer: Int
    public var value: Double
    /// 95 % interval.
    public var low: Double
    public var high: Double
    /// What guessing reaches: the majority's share.
    public var chance: Double?
    /// The same with labels shuffled over groups.
    public var control: Double?
    /// Probes only: mean over classes of the share found.
    public var recall: Double?

    public init(
        layer: Int, value: Double, low: Double, high: Double, chance: Double? = nil, control: Double? = nil,
        recall: Double? = nil
    ) {
        func tidy(_ x: Double) -> Double { (x * 1e6).rounded() / 1e6 }
        self.layer = layer
        self.value = tidy(value)
        self.low = tidy(low)
        self.high = tidy(high)
        self.chance = chance.map(tidy)
        self.control = control.map(tidy)
        self.recall = recall.map(tidy)
    }
}

/// What a curve was computed from.
public struct CurveData: Codable, Sendable, Equatable {
    /// Clips that count in the value (tested clips for a probe).
    public var n: Int
    /// Independent units behind the interval: texts, speakers, pairs or queries, see `unit`.
    public var groups: Int
    public var unit: String
    public var resamples: Int
    /// Mean number of training clips of a fit.
    public var trainClips: Int?
    public var classes: [String]?
    public var note: String?

    public init(
        n: Int, groups: Int, unit: String, resamples: Int = 1, trainClips: Int? = nil, classes: [String]? = nil,
        note: String? = nil
    ) {
        self.n = n
        self.groups = groups
        self.unit = unit
        self.resamples = resamples
        self.trainClips = trainClips
        self.classes = classes
        self.note = note
    }
}

/// A figure for every layer, with the data behind it.
public struct Curve: Codable, Sendable, Equatable {
    public var name: String
    public var data: CurveData
    public var layers: [LayerValue]

    public init(name: String, data: CurveData, layers: [LayerValue]) {
        self.name = name
        self.data = data
        self.layers = layers
    }

    public var values: [Double] { layers.map(\.value) }
    /// Mean half width of the intervals: what may pass for noise.
    var noise: Double { layers.isEmpty ? 0 : layers.reduce(0) { $0 + ($1.high - $1.low) / 2 } / Double(layers.count) }
    /// Whether the intervals' lower ends lie, in the mean, above shuffled labels; true of a curve without a control.
    func isAboveControl(_ range: Range<Int>) -> Bool {
        let margins = layers[range].compactMap { layer in layer.control.map { layer.low - $0 } }
        return margins.isEmpty || mean(margins) > 0
    }
}

/// One of the five analyses: its curves, or why it could not be run.
public struct Analysis: Codable, Sendable, Equatable {
    public enum Name: String, Codable, Sendable, CaseIterable {
        case paralinguisticProbe, intentProbe, intentCosineDifference, declaredAgeCosine, logitLens
    }
    public var name: Name
    public var curves: [Curve]
    /// Why there are no curves.
    public var absent: String?

    public init(_ name: Name, curves: [Curve] = [], absent: String? = nil) {
        self.name = name
        self.curves = curves
        self.absent = absent
    }

    public func curve(_ name: String) -> Curve? { curves.first { $0.name == name } }
}
