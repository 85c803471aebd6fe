/// The templates there are (sources: the chat templates published with each model).
extension ChatTemplate {
    private static let marks = Turn(open: "<|im_start|>", close: "<|im_end|>")
    private static let opening = ["<|audio_bos|>"]
    private static let closing = ["<|audio_eos|>"]

    /// ChatML without a default system text; a clip is its placeholders alone.
    public static let chatML = ChatTemplate(name: "chatml", turn: marks)

    /// SmolLM2-Instruct.
    public static let smolLM2 = ChatTemplate(
        name: "smollm2", turn: marks,
        defaultSystem: "You are a helpful AI assistant named SmolLM, trained by Hugging Face")

    /// Qwen2-Audio-7B-Instruct: clips are numbered and end the line.
    public static let qwen2AudioInstruct = ChatTemplate(
        name: "qwen2-audio-instruct", turn: marks, defaultSystem: "You are a helpful assistant.",
        audio: AudioFrame(label: "Audio {}: ", opening: opening, closing: closing, suffix: "\n"))

    /// Qwen2-Audio-7B (base): no turns, no newline.
    public static let qwen2AudioBase = ChatTemplate(
        name: "qwen2-audio", turn: nil, audio: AudioFrame(opening: opening, closing: closing))

    /// Qwen2.5-Omni: no numbers, no newline. The default is the template's own; the official recipes send a longer one.
    public static let qwen25Omni = ChatTemplate(
        name: "qwen2.5-omni", turn: marks, defaultSystem: "You are a helpful assistant.",
        audio: AudioFrame(opening: opening, closing: closing))

    /// Voxtral: no system turn by default, nothing after a clip. A system turn beside audio is unverified: the
    /// reference (mistral-common) writes it as here for text alone, and refuses it beside audio for this model.
    public static let voxtral = ChatTemplate(
        name: "voxtral",
        turn: Turn(
            begin: "<s>", system: ("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"), user: ("[INST]", "[/INST]"), end: "</s>"),
        audio: AudioFrame(opening: ["[BEGIN_AUDIO]"]))

    /// All of them.
    public static let all = [chatML, smolLM2, qwen2AudioInstruct, qwen2AudioBase, qwen25Omni, voxtral]

    /// The template of a name written in a configuration.
    /// - Throws: `TokenizationError` naming an unknown one.
    public static func named(_ name: String) throws -> ChatTemplate {
        guard let template = all.first(where: { $0.name == name }) else {
            throw TokenizationError(
                "unknown chat template \(quoted(name)); known: \(all.map(\.name).joined(separator: ", "))")
        }
        return template
    }
}

/// A prompt as ids, with the places where the features of each clip go.
public struct EncodedPrompt: Sendable, Equatable {
    /// Token ids, placeholders included.
    public var ids: [Int32]
    /// The run of placeholders of each clip, by number.
    public var audioSpans: [Range<Int>]
}

extension BPETokenizer {
    /// The ids of a rendered prompt.
    ///
    /// - Parameters:
    ///   - pieces: from `ChatTemplate.render`, or written by hand. Clips must come in order 0, 1, ...
    ///   - audioPlaceholder: the id that stands where features will go.
    ///   - audioTokenCounts: how many placeholders each clip takes.
    /// - Throws: `TokenizationError` when a special token is missing or the counts do not fit the clips.
    public func encode(
        _ pieces: [TemplatePiece], audioPlaceholder: Int32 = -1, audioTokenCounts: [Int] = []
    ) throws -> EncodedPrompt {
        var prompt = EncodedPrompt(ids: [], audioSpans: [])
        for piece in pieces {
            switch piece {
            case .special(let name): prompt.ids.append(try require(special: name))
            case .text(let text): prompt.ids.append(contentsOf: encode(text))
            case .audio(let clip):
                guard clip == prompt.audioSpans.count, clip < audioTokenCounts.count else {
                    throw TokenizationError(
                        "the prompt has clip \(clip + 1) where \(prompt.audioSpans.count + 1) of "
                            + "\(audioTokenCounts.count) was expected; give one token count per clip, in order")
                }
                let count = audioTokenCounts[clip]
                guard count > 0, count <= TokenizerLimits.promptTokens else {
                    throw TokenizationError("clip \(clip + 1) has \(count) audio tokens; expected at least 1")
                }
                guard audioPlaceholder >= 0 else {
                    throw TokenizationError("the prompt has audio, but no id was given for its placeholders")
                }
                let start = prompt.ids.count
                prompt.ids.append(contentsOf: repeatElement(audioPlaceholder, count: count))
                prompt.audioSpans.append(start..<start + count)
            }
        }
        guard prompt.audioSpans.count == audioTokenCounts.count else {
            throw TokenizationError(
                "\(audioTokenCounts.count) clips were given, but the prompt has a place for \(prompt.audioSpans.count)")
        }
        return prompt
    }
}
