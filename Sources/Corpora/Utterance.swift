/// What a clip's response depends on.
public enum Category: String, Codable, Sendable, CaseIterable {
    case age, gender, emotion

    /// The values that the attribute head of this category tells apart, in the order of its outputs (paper section 3).
    public var attributes: [String] {
        switch self {
        case .age: ["child", "adult"]
        case .gender: ["female", "male"]
        case .emotion: ["happy", "surprised", "sad", "angry", "disgusted", "fearful"]
        }
    }
}

public enum Split: String, Codable, Sendable, CaseIterable { case train, validation, test }

/// One clip with its labels: one line of corpus.jsonl.
public struct Utterance: Codable, Sendable, Equatable, Identifiable {
    public var id: String
    /// Relative to the corpus folder.
    public var audio: String
    public var text: String
    /// nil where no response depends on the voice: intents, declared ages, plain recordings.
    public var category: Category?
    public var attribute: String?
    public var speaker: String
    public var engine: String
    public var split: Split
    /// The response that suits text and attribute; nil where there is none to learn.
    public var response: String?
    /// A response that reflects no attribute, for the judge.
    public var generic: String?
    public var intent: String?
    /// In years, where the text declares one (analysis 4).
    public var declaredAge: Int?
    public var scenario: String?
    /// Further labels of the speaker's voice that are known whatever the category is: "age", "gender", "emotion".
    public var voice: [String: String]?

    public init(
        id: String, audio: String, text: String, category: Category? = nil, attribute: String? = nil, speaker: String,
        engine: String, split: Split, response: String? = nil, generic: String? = nil, intent: String? = nil,
        declaredAge: Int? = nil, scenario: String? = nil, voice: [String: String]? = nil
    ) {
        self.id = id
        self.audio = audio
        self.text = text
        self.category = category
        self.attribute = attribute
        self.speaker = speaker
        self.engine = engine
        self.split = split
        self.response = response
        self.generic = generic
        self.intent = intent
        self.declaredAge = declaredAge
        self.scenario = scenario
        self.voice = voice
    }

    /// All clips of one text: never split across folds.
    public var textGroup: String { Self.textGroup(of: text) }

    /// The key of a text: small letters, without punctuation.
    public static func textGroup(of text: String) -> String {
        text.lowercased().filter { $0.isLetter || $0.isNumber || $0 == " " }
    }

    /// The speaker's value of a category: what the clip was made for, else what its voice labels say.
    public func value(of category: Category) -> String? {
        self.category == category ? attribute : voice?[category.rawValue]
    }
}
