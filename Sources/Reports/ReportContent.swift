import Evaluation
import Foundation

/// Everything a report shows, as plain values: whoever ran the work fills it in, `HTMLReport.render` draws it.
public struct ReportContent: Sendable {
    public var title: String
    /// One or two sentences under the title.
    public var lead: String
    /// Short facts beside it: model, corpus, tuned layers, seed.
    public var facts: [Fact]
    /// Shown before everything else.
    public var warnings: [String]
    /// The layer-wise curves.
    public var charts: [Chart]
    public var bands: [Band]
    public var votes: [Vote]
    public var training: [TrainingCurve]
    /// The results table; its settings are shown in `summary.orderedSettings`.
    public var summary: Summary
    /// Setting -> what the reader calls it ("pe-ft" -> "PE-FT"); a missing setting is shown by its key.
    public var settingNames: [String: String]
    /// Setting -> child-safety figures, for the false cautions.
    public var safety: [String: SafetyFigures]
    /// Perplexity, transcript ranks, timings: anything that is a small table.
    public var tables: [Table]
    public var examples: [Example]
    public var judge: JudgeValidation?
    /// The run's configuration as written to its folder.
    public var configuration: String

    public init(
        title: String, lead: String = "", facts: [Fact] = [], warnings: [String] = [], charts: [Chart] = [],
        bands: [Band] = [], votes: [Vote] = [], training: [TrainingCurve] = [], summary: Summary = Summary(),
        settingNames: [String: String] = ReportContent.defaultNames, safety: [String: SafetyFigures] = [:],
        tables: [Table] = [], examples: [Example] = [], judge: JudgeValidation? = nil, configuration: String = ""
    ) {
        self.title = title
        self.lead = lead
        self.facts = facts
        self.warnings = warnings
        self.charts = charts
        self.bands = bands
        self.votes = votes
        self.training = training
        self.summary = summary
        self.settingNames = settingNames
        self.safety = safety
        self.tables = tables
        self.examples = examples
        self.judge = judge
        self.configuration = configuration
    }

    public static let defaultNames = [
        "vanilla": "Vanilla", "all-layers": "All layers", "selective": "Selective", "pe-ft": "PE-FT",
    ]

    func name(of setting: String) -> String { settingNames[setting] ?? setting }

    /// A setting keeps its colour throughout the page.
    func colour(of setting: String) -> Int {
        let settings = summary.orderedSettings + training.map(\.setting)
        let others = settings.filter { !Summary.order.contains($0) }
        return Summary.order.firstIndex(of: setting)
            ?? others.firstIndex(of: setting).map { Summary.order.count + $0 } ?? 0
    }
}

extension ReportContent {
    public struct Fact: Sendable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// One line chart over layers: one series or a few that share an axis.
    public struct Chart: Sendable {
        public enum Scale: Sendable {
            /// 0...1, labelled in per cent.
            case share
            /// Whatever the values span.
            case plain
        }

        public var title: String
        /// What was measured and on how much: every chart states its N.
        public var note: String
        public var scale: Scale
        public var yLabel: String
        public var xLabel: String
        public var series: [Series]
        /// Whether the bands are shaded: false for layers of another stack, such as the encoder's.
        public var showsBands: Bool

        public init(
            title: String, note: String, scale: Scale = .share, yLabel: String = "accuracy",
            xLabel: String = "decoder layer", series: [Series], showsBands: Bool = true
        ) {
            self.title = title
            self.note = note
            self.scale = scale
            self.yLabel = yLabel
            self.xLabel = xLabel
            self.series = series
            self.showsBands = showsBands
        }
    }

    public struct Series: Sendable {
        public var name: String
        public var points: [Point]
        /// The number of its colour and mark; nil takes its place in the chart.
        public var colour: Int?

        public init(name: String, points: [Point], colour: Int? = nil) {
            self.name = name
            self.points = points
            self.colour = colour
        }
    }

    /// One layer of a curve (or one step of a training curve). Values that are not finite leave a gap.
    public struct Point: Sendable {
        public var layer: Int
        public var value: Double
        public var low: Double?
        public var high: Double?
        /// What guessing gives, drawn dotted.
        public var chance: Double?
        /// The shuffled-label control, drawn dashed.
        public var control: Double?

        public init(
            layer: Int, value: Double, low: Double? = nil, high: Double? = nil, chance: Double? = nil,
            control: Double? = nil
        ) {
            self.layer = layer
            self.value = value
            self.low = low
            self.high = high
            self.chance = chance
            self.control = control
        }
    }

    /// A range of decoder layers, both ends included.
    public struct Band: Sendable {
        public enum Kind: String, Sendable, CaseIterable { case paralinguistic, semantic, generation, tuned }

        public var kind: Kind
        public var first: Int
        public var last: Int

        public init(_ kind: Kind, first: Int, last: Int) {
            self.kind = kind
            self.first = first
            self.last = last
        }
    }

    /// One vote of the layer choice.
    public struct Vote: Sendable {
        public var question: String
        public var analysis: String
        public var layer: String
        public var reason: String

        public init(question: String, analysis: String, layer: String, reason: String) {
            self.question = question
            self.analysis = analysis
            self.layer = layer
            self.reason = reason
        }
    }

    /// The losses of one setting's training run: a chart for each part, the settings beside each other in it.
    public struct TrainingCurve: Sendable {
        public struct Step: Sendable {
            public var step: Int
            public var losses: [String: Double]

            public init(step: Int, losses: [String: Double]) {
                self.step = step
                self.losses = losses
            }
        }

        public var setting: String
        public var steps: [Step]

        public init(setting: String, steps: [Step]) {
            self.setting = setting
            self.steps = steps
        }
    }

    public struct Table: Sendable {
        public var title: String
        public var note: String
        public var header: [String]
        public var rows: [[String]]

        public init(title: String, note: String = "", header: [String], rows: [[String]]) {
            self.title = title
            self.note = note
            self.header = header
            self.rows = rows
        }
    }

    /// One clip with the answers of each setting.
    public struct Example: Sendable {
        public struct Answer: Sendable {
            public var setting: String
            public var response: String
            /// +1, 0, -1; nil where nobody judged.
            public var r: Int?
            /// What the judge said it reflects.
            public var reflects: String?

            public init(setting: String, response: String, r: Int? = nil, reflects: String? = nil) {
                self.setting = setting
                self.response = response
                self.r = r
                self.reflects = reflects
            }
        }

        public var text: String
        public var category: String
        public var attribute: String
        /// A whole WAV file, as it lies on disk; nil leaves the player out.
        public var audio: Data?
        public var answers: [Answer]
        /// The response that the corpus asks for.
        public var reference: String?

        public init(
            text: String, category: String, attribute: String, audio: Data? = nil, answers: [Answer],
            reference: String? = nil
        ) {
            self.text = text
            self.category = category
            self.attribute = attribute
            self.audio = audio
            self.answers = answers
            self.reference = reference
        }
    }
}
