/// The fixed prompt formats of the model families. They are written here and not read from files: a template in a
/// file is a program from a stranger.
///
///     let pieces = ChatTemplate.smolLM2.render([ChatMessage(.user, [.audio, .text("How old is the speaker?")])])
///     let prompt = try tokenizer.encode(pieces, audioPlaceholder: id, audioTokenCounts: [150])
///
/// All known families but Kimi-Audio (two id streams, no template of turns) and Voxtral (Mistral's marks) use ChatML and differ
/// in the default system text and in what stands around a clip.
public struct ChatTemplate: Sendable, Equatable {
    /// What stands around the placeholders of a clip.
    public struct AudioFrame: Sendable, Equatable {
        /// Written before each clip, `{}` being its number from 1 (`Audio {}: `); empty for none.
        public var label: String
        /// Special tokens before and after the placeholders.
        public var opening: [String]
        public var closing: [String]
        /// Text after the clip.
        public var suffix: String

        public init(label: String = "", opening: [String] = [], closing: [String] = [], suffix: String = "") {
            self.label = label
            self.opening = opening
            self.closing = closing
            self.suffix = suffix
        }
    }

    /// The name written into configurations.
    public var name: String
    /// What opens and closes a turn; nil for a base model, which has no turns.
    public var turn: Turn?
    /// The system text used when the conversation does not begin with a system turn; empty for no system turn.
    public var defaultSystem: String
    public var audio: AudioFrame

    /// What stands around the text of a turn, by who speaks.
    public struct Turn: Sendable, Equatable {
        /// Once, before the first turn.
        public var begin: [TemplatePiece] = []
        public var opening: [ChatRole: [TemplatePiece]]
        public var closing: [ChatRole: [TemplatePiece]]

        /// ChatML: `open` role newline text `close` newline.
        public init(open: String, close: String) {
            let roles: [ChatRole] = [.system, .user, .assistant]
            opening = Dictionary(
                uniqueKeysWithValues: roles.map { ($0, [.special(open), .text($0.rawValue + "\n")]) })
            closing = Dictionary(uniqueKeysWithValues: roles.map { ($0, [.special(close), .text("\n")]) })
        }

        /// Mistral: `begin` once, then special tokens of each role's own around its text; an answer has only an end.
        public init(begin: String, system: (String, String), user: (String, String), end: String) {
            self.begin = [.special(begin)]
            opening = [.system: [.special(system.0)], .user: [.special(user.0)]]
            closing = [.system: [.special(system.1)], .user: [.special(user.1)], .assistant: [.special(end)]]
        }

        /// The special tokens that a tokenizer must have.
        public var specials: [String] {
            let pieces =
                [begin] + [ChatRole.system, .user, .assistant].flatMap { [opening[$0] ?? [], closing[$0] ?? []] }
            return pieces.joined().compactMap { piece in
                if case .special(let name) = piece { return name }
                return nil
            }
        }
    }

    public init(name: String, turn: Turn?, defaultSystem: String = "", audio: AudioFrame = AudioFrame()) {
        self.name = name
        self.turn = turn
        self.defaultSystem = defaultSystem
        self.audio = audio
    }

    /// The prompt of a conversation.
    ///
    /// - Parameters:
    ///   - messages: the turns. A first system turn with empty text means: no system turn at all.
    ///   - system: the system text if the first turn is not one; nil for the default, empty for no system turn.
    ///   - addGenerationPrompt: whether to open the assistant's turn at the end.
    public func render(
        _ messages: [ChatMessage], system: String? = nil, addGenerationPrompt: Bool = true
    ) -> [TemplatePiece] {
        var builder = PieceBuilder()
        var messages = messages
        builder.append(turn?.begin)
        if messages.first?.role != .system { messages.insert(ChatMessage(.system, system ?? defaultSystem), at: 0) }
        for (index, message) in messages.enumerated() {
            if index == 0, message.role == .system, message.content.allSatisfy({ $0 == .text("") }) { continue }
            // Without turns only what is said remains.
            if turn == nil, message.role == .system, message.content == [.text(defaultSystem)] { continue }
            builder.append(turn?.opening[message.role])
            for part in message.content {
                switch part {
                case .text(let text): builder.text(text)
                case .audio: builder.audio(in: audio)
                }
            }
            builder.append(turn?.closing[message.role])
        }
        if addGenerationPrompt { builder.append(turn?.opening[.assistant]) }
        return builder.pieces
    }

    /// The special token that ends the assistant's answer: the last label of a training target, and a stop token.
    public var endOfTurn: String? {
        guard case .special(let name) = turn?.closing[.assistant]?.first else { return nil }
        return name
    }
}

/// Gathers pieces and joins neighbouring texts.
private struct PieceBuilder {
    var pieces: [TemplatePiece] = []
    private var clips = 0

    mutating func special(_ name: String) { pieces.append(.special(name)) }

    mutating func append(_ added: [TemplatePiece]?) {
        for piece in added ?? [] {
            if case .text(let words) = piece { text(words) } else { pieces.append(piece) }
        }
    }

    mutating func text(_ text: String) {
        guard !text.isEmpty else { return }
        if case .text(let before) = pieces.last {
            pieces[pieces.count - 1] = .text(before + text)
        } else {
            pieces.append(.text(text))
        }
    }

    mutating func audio(in frame: ChatTemplate.AudioFrame) {
        text(frame.label.replacing("{}", with: String(clips + 1)))
        for name in frame.opening { special(name) }
        pieces.append(.audio(clips))
        for name in frame.closing { special(name) }
        text(frame.suffix)
        clips += 1
    }
}
