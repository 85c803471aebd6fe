/// What an audit of a corpus found: each finding with its numbers.
public struct AuditReport: Codable, Sendable, Equatable {
    public var options: AuditOptions
    /// Clips that were listened to, and those among them that could not be read.
    public var clips: Int
    public var unreadable: [String]
    public var findings: [AuditFinding]

    public var problems: [AuditFinding] { findings.filter { $0.verdict == .problem } }
}

/// The settings of an audit.
public struct AuditOptions: Codable, Sendable, Equatable {
    public var seed: UInt64 = 0
    /// Clips to listen to of each category, attribute value and engine at most.
    public var clipsPerCell = 40
    /// Folds of the probes and of the measures' classifiers.
    public var folds = 5
    /// Shuffled labellings per fold.
    public var controls = 3
    /// Inverse regularisation of the probes, on standardised features.
    public var c = 0.1
    /// Shuffled labellings behind the chance of a dependence between engines and labels.
    public var permutations = 200
    /// How far above chance the lower end of an accuracy may lie before a warning becomes a problem.
    public var tolerance = 0.1
    /// Share of a label's entropy that an engine may tell before a warning becomes a problem.
    public var information = 0.05
    /// Fall of an accuracy on an engine that was left out from which it counts as large.
    public var fall = 0.15

    public init() {}

    func check() throws {
        for (name, value, range) in [
            ("clips per cell", clipsPerCell, 2...100_000), ("folds", folds, 2...100), ("controls", controls, 1...100),
            ("permutations", permutations, 1...10_000),
        ] where !range.contains(value) {
            throw LayerAnalysisError(
                "audit: \(name) is \(value), expected \(range.lowerBound) to \(range.upperBound)")
        }
    }
}

/// How a part of an audit came out.
public enum AuditVerdict: String, Codable, Sendable { case passed, notTested, warning, problem }

/// One thing that was looked at.
public struct AuditFinding: Codable, Sendable, Equatable {
    public enum Check: String, Codable, Sendable {
        /// Engines against labels, by counts.
        case engines
        /// Categories told apart in plain clips.
        case residue
        /// Attribute values on an engine that the probe has not heard.
        case engineLeftOut
        /// Attribute values told by one number of a clip.
        case measure
        /// Texts and voices in two splits.
        case splits
    }
    public var check: Check
    /// Which split, category, view or measure.
    public var subject: String
    public var verdict: AuditVerdict
    /// A sentence, without the figures.
    public var statement: String
    public var figures: [AuditFigure] = []
    /// Names that the statement is about: texts, speakers.
    public var listed: [String] = []
}

/// A number with what it rests on.
public struct AuditFigure: Codable, Sendable, Equatable {
    public var name: String
    public var value: Double
    /// 95 % interval, where there is one.
    public var low: Double?
    public var high: Double?
    public var chance: Double?
    /// With labels shuffled.
    public var control: Double?
    /// Clips.
    public var n: Int
    /// Units behind the interval, and what they are.
    public var groups: Int?
    public var unit: String?

    init(
        _ name: String, _ value: Double, low: Double? = nil, high: Double? = nil, chance: Double? = nil,
        control: Double? = nil, n: Int, groups: Int? = nil, unit: String? = nil
    ) {
        func tidy(_ x: Double) -> Double { (x * 1e6).rounded() / 1e6 }
        self.name = name
        self.value = tidy(value)
        self.low = low.map(tidy)
        self.high = high.map(tidy)
        self.chance = chance.map(tidy)
        self.control = control.map(tidy)
        self.n = n
        self.groups = groups
        self.unit = unit
    }
}
