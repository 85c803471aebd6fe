import Checkpoints
import Foundation
import Tokenization

/// Kimi-Audio's tokenizer (a tiktoken rank file) and the special tokens of its two streams.
public struct KimiAudioTokens: Sendable {
    public let tokenizer: BPETokenizer
    let userStart: Int32, assistantStart: Int32, messageEnd: Int32, mediaBegin: Int32, mediaEnd: Int32
    /// The text stream where there is audio, and the audio stream where there is text.
    let blank: Int32
    /// Ends an answer.
    let textEnd: Int32
    /// Asks for an answer in text alone.
    let answerInText: Int32

    /// The ids of the published models, for folders whose tokenizer_config.json does not list them.
    private static let published: [(content: String, id: Int32)] = [
        ("<|im_msg_end|>", 151_645), ("<|im_media_begin|>", 151_661), ("<|im_media_end|>", 151_663),
        ("<|im_kimia_text_blank|>", 151_666), ("<|im_kimia_text_eos|>", 151_667),
        ("<|im_kimia_user_msg_start|>", 151_670), ("<|im_kimia_assistant_msg_start|>", 151_671),
        ("<|im_kimia_speech_ct_id|>", 151_675), ("<|im_kimia_speech_ctd_id|>", 151_676),
    ]

    init(folder: URL) throws {
        let config = folder.appendingPathComponent("tokenizer_config.json")
        var specials = Self.published
        if FileManager.default.fileExists(atPath: config.path) {
            let listed = try BPETokenizer.addedTokens(config)
            if !listed.isEmpty { specials = listed.map { ($0.content, $0.id) } }
        }
        let file = folder.appendingPathComponent("tiktoken.model")
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw ModelError("\(file.path) is missing: download it with the model")
        }
        let tokenizer = try BPETokenizer(tiktoken: file, specials: specials)
        self.tokenizer = tokenizer
        func special(_ name: String) throws -> Int32 {
            do { return try tokenizer.require(special: name) } catch let error as TokenizationError {
                throw ModelError("\(config.path): \(error)")
            }
        }
        userStart = try special("<|im_kimia_user_msg_start|>")
        assistantStart = try special("<|im_kimia_assistant_msg_start|>")
        messageEnd = try special("<|im_msg_end|>")
        mediaBegin = try special("<|im_media_begin|>")
        mediaEnd = try special("<|im_media_end|>")
        blank = try special("<|im_kimia_text_blank|>")
        textEnd = try special("<|im_kimia_text_eos|>")
        answerInText = try special("<|im_kimia_speech_ct_id|>")
    }
}

/// Two streams of ids of equal length that enter together.
struct KimiAudioStreams {
    var audio: [Int32] = [], text: [Int32] = []
    /// Where the audio stream holds speech codes.
    var spans: [Range<Int>] = []

    private mutating func control(_ id: Int32, blank: Int32) {
        audio.append(id)
        text.append(blank)
    }

    /// The streams of a conversation, ready for the assistant's answer. There are no system turns: their text becomes the
    /// user's. A run of parts of one role has one role token; the wish for text follows where the run ends in audio.
    init(_ messages: [Message], tokens t: KimiAudioTokens, codeOffset: Int32) throws {
        let parts = messages.flatMap { m in
            m.parts.map { (role: m.role == .assistant ? ChatRole.assistant : .user, part: $0) }
        }
        for (i, (role, part)) in parts.enumerated() {
            let opens = i == 0 || parts[i - 1].role != role, closes = i + 1 == parts.count || parts[i + 1].role != role
            if opens { control(role == .user ? t.userStart : t.assistantStart, blank: t.blank) }
            switch part {
            case .text(let words):
                let ids = t.tokenizer.encode(words)
                text += ids
                audio += ids.map { _ in t.blank }
                if role == .assistant {
                    text.append(t.textEnd)
                    audio.append(t.blank)
                }
            case .audio(let features):
                guard features.codes.count == features.count, features.count > 0 else {
                    throw ModelError(
                        "the clip has \(features.codes.count) speech codes for \(features.count) positions, expected one each"
                    )
                }
                control(t.mediaBegin, blank: t.blank)
                spans.append(audio.count..<audio.count + features.count)
                audio += features.codes.map { $0 + codeOffset }
                text += features.codes.map { _ in t.blank }
                control(t.mediaEnd, blank: t.blank)
                if closes { control(t.answerInText, blank: t.blank) }
            }
            if closes { control(t.messageEnd, blank: t.blank) }
        }
        control(t.assistantStart, blank: t.blank)
    }
}
