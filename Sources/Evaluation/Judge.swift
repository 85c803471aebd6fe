import Corpora

/// One response to be judged: what was answered to which text, spoken by whom.
public struct JudgeRequest: Sendable {
    public var text: JudgedText
    /// The speaker's true value of the text's category.
    public var attribute: String
    public var response: String

    public init(text: JudgedText, attribute: String, response: String) {
        self.text = text
        self.attribute = attribute
        self.response = response
    }
}

/// A judge's word on one response.
public struct Judgement: Codable, Sendable, Equatable {
    /// +1 reflects the speaker's attribute, 0 generic (or unusable), -1 reflects the wrong attribute.
    public var r: Int
    /// The candidate that the response reflects: an attribute value, "generic", or "unusable".
    public var reflects: String
    /// The candidates' probabilities; empty for an unusable response.
    public var probabilities: [String: Double]

    public init(r: Int, reflects: String, probabilities: [String: Double]) {
        self.r = r
        self.reflects = reflects
        self.probabilities = probabilities
    }

    /// Too short or repeating itself: scored 0 in every category.
    public var isUnusable: Bool { reflects == Self.unusable }

    public static let generic = "generic"
    public static let unusable = "unusable"
}

/// Decides whose attribute a response reflects (METHOD, section 5). Requests come in one batch, so that a judge over a
/// network can send several at a time.
public protocol Judge: Sendable {
    /// Written into results: which judge, with its settings.
    var name: String { get }

    /// One judgement for each request, in their order.
    func judge(_ requests: [JudgeRequest]) throws -> [Judgement]
}
