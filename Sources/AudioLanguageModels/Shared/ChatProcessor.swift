import Checkpoints
import Foundation
import MLXNN
import Tokenization

/// The text side of a family with one stream of ids: tokenizer, chat template, the placeholder of audio.
public struct ChatProcessor: Sendable {
    public let tokenizer: BPETokenizer
    public let template: ChatTemplate
    public let audioToken: Int32
    /// Ends of an answer; `endOfAnswer` is the one that training teaches.
    public let stopTokens: Set<Int32>
    public let endOfAnswer: Int32
    /// The system text where the caller gives none; nil: the template's own, empty: no system turn.
    private let system: String?

    /// - Parameters:
    ///   - audioToken: its name; `index`, where given, is the id that config.json says, with the field's place.
    ///   - file: the tokenizer's, for errors.
    ///   - vocabulary: rows of the embedding table.
    ///   - folder: names the model in errors, and may hold a generation_config.json with further ends.
    init(
        _ tokenizer: BPETokenizer, template: ChatTemplate, audioToken name: String,
        index: (id: Int, place: String)? = nil,
        file: String = "tokenizer.json", folder: URL, vocabulary: Int, system: String? = nil
    ) throws {
        try Self.check(tokenizer, fits: vocabulary, place: "\(folder.path)/\(file)")
        self.tokenizer = tokenizer
        self.template = template
        self.system = system
        var needed = template.audio.opening + template.audio.closing
        needed += template.turn?.specials ?? []
        do {
            for special in needed { _ = try tokenizer.require(special: special) }
            audioToken = try tokenizer.require(special: name)
            endOfAnswer = try tokenizer.require(special: template.endOfTurn ?? "<|endoftext|>")
        } catch let error as TokenizationError {
            throw ModelError("\(folder.path)/\(file): \(error)")
        }
        if let index, index.id != Int(audioToken) {
            throw ModelError(
                "\(index.place) is \(index.id), but \(name) has the id \(audioToken) in the folder's tokenizer: the files do not belong together"
            )
        }
        var stops: Set = [endOfAnswer]
        if let end = tokenizer.id(of: "<|endoftext|>") { stops.insert(end) }
        let generation = folder.appendingPathComponent("generation_config.json")
        if FileManager.default.fileExists(atPath: generation.path) {
            let object = try JSONFile.object(at: generation)
            if case .array = object.value("eos_token_id") {
                stops.formUnion(try object.ints("eos_token_id", in: 0...Int(Int32.max)).map(Int32.init))
            } else if object.has("eos_token_id") {
                stops.insert(Int32(try object.int("eos_token_id", in: 0...Int(Int32.max))))
            }
        }
        stopTokens = stops
    }

    /// Nothing below looks at ids again: one past the table would read other memory.
    static func check(_ tokenizer: BPETokenizer, fits vocabulary: Int, place: String) throws {
        guard tokenizer.vocabularySize <= vocabulary else {
            throw ModelError(
                "\(place) has ids up to \(tokenizer.vocabularySize - 1), but vocab_size is \(vocabulary): the files do not belong together"
            )
        }
    }

    /// The family's template around the messages, ready for the answer.
    func prompt(_ messages: [Message], embedding: Embedding) throws -> Prompt {
        var clips: [AudioFeatures] = []
        let chat = messages.map { message in
            ChatMessage(
                message.role,
                message.parts.map { part in
                    switch part {
                    case .text(let text): return .text(text)
                    case .audio(let features):
                        clips.append(features)
                        return .audio
                    }
                })
        }
        let encoded = try tokenizer.encode(
            template.render(chat, system: system), audioPlaceholder: audioToken, audioTokenCounts: clips.map(\.count))
        return try Prompt(encoded, clips: clips, embedding: embedding)
    }

    /// Ids of an answer to be learnt, with the end token.
    func answerTokens(_ text: String) -> [Int32] { tokenizer.encode(text) + [endOfAnswer] }
}
