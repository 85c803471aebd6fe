/// Who speaks in a turn of a conversation.
public enum ChatRole: String, Sendable, Codable {
    case system, user, assistant
}

/// One turn: a role and what is said, as text and audio clips in order.
public struct ChatMessage: Sendable, Equatable {
    /// A part of a turn. Clips are numbered in order of appearance through the conversation.
    public enum Part: Sendable, Equatable {
        case text(String)
        case audio
    }

    public var role: ChatRole
    public var content: [Part]

    public init(_ role: ChatRole, _ content: [Part]) {
        self.role = role
        self.content = content
    }

    /// A turn of text alone.
    public init(_ role: ChatRole, _ text: String) {
        self.init(role, [.text(text)])
    }
}

/// A piece of a rendered prompt. Only `.special` becomes a special token; text is encoded with specials off.
public enum TemplatePiece: Sendable, Equatable {
    /// A special token by name.
    case special(String)
    /// Text, of the template or the user. Neighbouring texts are joined: they are one text to the tokenizer.
    case text(String)
    /// The run of placeholders of a clip, by its number from 0.
    case audio(Int)
}
