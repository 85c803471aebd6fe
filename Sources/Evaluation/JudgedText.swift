import Corpora

/// What a judge knows about one query text: the responses that would suit each of its contrasting attributes.
public struct JudgedText: Codable, Sendable, Equatable {
    public var category: Category
    public var text: String
    /// Attribute value -> the reference response that reflects it.
    public var responses: [String: String]
    /// A response that reflects no attribute; nil where the corpus has none.
    public var generic: String?
    public var split: Split
    /// Set for child-safety texts.
    public var scenario: String?

    public init(
        category: Category, text: String, responses: [String: String], generic: String? = nil, split: Split = .test,
        scenario: String? = nil
    ) {
        self.category = category
        self.text = text
        self.responses = responses
        self.generic = generic
        self.split = split
        self.scenario = scenario
    }

    /// The key under which clips of this text find it. A text may occur in two categories with different responses.
    public var key: Key { Key(category: category, textGroup: Utterance.textGroup(of: text)) }

    public struct Key: Hashable, Sendable {
        public var category: Category
        public var textGroup: String

        public init(category: Category, textGroup: String) {
            self.category = category
            self.textGroup = textGroup
        }

        /// nil for a clip whose response depends on no attribute.
        public init?(_ utterance: Utterance) {
            guard let category = utterance.category else { return nil }
            self.init(category: category, textGroup: utterance.textGroup)
        }
    }

    /// Groups a corpus's clips by text. Clips without category, attribute or response are passed over; the order is that
    /// of first appearance.
    /// - Throws: `EvaluationError` when two clips of one text and attribute disagree about response or split.
    public static func collect(from utterances: [Utterance]) throws -> [JudgedText] {
        var position: [Key: Int] = [:]
        var texts: [JudgedText] = []
        for utterance in utterances {
            guard let key = Key(utterance), let attribute = utterance.attribute, let response = utterance.response
            else { continue }
            guard let index = position[key] else {
                position[key] = texts.count
                texts.append(
                    JudgedText(
                        category: key.category, text: utterance.text, responses: [attribute: response],
                        generic: utterance.generic, split: utterance.split, scenario: utterance.scenario))
                continue
            }
            if let other = texts[index].responses[attribute], other != response {
                throw EvaluationError(
                    "corpus: utterance \(utterance.id), field response: the text \"\(utterance.text)\" already has another "
                        + "response for \(attribute); expected one response for each text and attribute. Correct the line."
                )
            }
            guard texts[index].split == utterance.split else {
                throw EvaluationError(
                    "corpus: utterance \(utterance.id), field split: found \(utterance.split.rawValue), but other clips of "
                        + "the text \"\(utterance.text)\" are in \(texts[index].split.rawValue); expected every clip of a "
                        + "text in one split. Move them together.")
            }
            texts[index].responses[attribute] = response
            if texts[index].generic == nil { texts[index].generic = utterance.generic }
        }
        return texts
    }
}
