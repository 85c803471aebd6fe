import Checkpoints
import Foundation
import MLX
import MLXNN
import Speech
import Tokenization

/// What the frozen front end makes of one clip. Plain values, so that they can be cached on disk.
public struct AudioFeatures: Sendable, Equatable {
    /// [count, width], row-major: the vectors that stand at the audio positions of the prompt.
    public var values: [Float]
    public var count: Int
    public var width: Int
    /// Mean and standard deviation over time of every encoder stage: [stages][2 x encoder width].
    public var encoderStates: [[Float]]
    /// [count]: the speech codes of Kimi-Audio; empty in the other families.
    public var codes: [Int32]

    public init(values: [Float], count: Int, width: Int, encoderStates: [[Float]] = [], codes: [Int32] = []) {
        self.values = values
        self.count = count
        self.width = width
        self.encoderStates = encoderStates
        self.codes = codes
    }

    /// [width]: the mean over the positions.
    public var mean: [Float] {
        var sum = [Float](repeating: 0, count: width)
        for (i, value) in values.enumerated() { sum[i % width] += value }
        return sum.map { $0 / Float(max(1, count)) }
    }
}

/// One turn of a conversation.
public struct Message: Sendable {
    public enum Part: Sendable {
        case text(String)
        case audio(AudioFeatures)
    }
    public var role: ChatRole
    public var parts: [Part]
    public init(_ role: ChatRole, _ parts: [Part]) {
        self.role = role
        self.parts = parts
    }
}

/// What every family of audio language models meets: audio encoder + projector + LLM.
public protocol AudioLanguageModel: AnyObject {
    /// As the user named it: `smol`, or a folder's name.
    var name: String { get }
    /// SHA-256 over the weights' content, for caches and for the check of a resumed run.
    var weightsHash: String { get }
    /// The folder that the weights came from.
    var files: HFFolder { get }
    /// The name in that folder of a decoder parameter's path (`model.layers.3.mlp.up_proj.weight`).
    func storedName(ofDecoder path: String) -> String
    /// What stands before `layers.N` in the module paths of the family's class in transformers 5: adapters in PEFT's layout are
    /// addressed by it.
    var decoderModulePath: String { get }
    var decoder: Decoder { get }
    var tokenizer: BPETokenizer { get }
    /// Ends of an answer.
    var stopTokens: Set<Int32> { get }
    /// What the encoder hears of a clip, in seconds; the rest is cut off, or the clip refused.
    var maximumSeconds: Double { get }
    /// Log-mel [frames, bins] as the encoder gets it.
    func mel(of waveform: Waveform) throws -> MelSpectrogram
    /// The frozen front end: mel, encoder, projector. Any rate; throws for a clip without speech enough for one position.
    func features(of waveform: Waveform) throws -> AudioFeatures
    /// The system turn that `prompt(asking:)` opens with; empty: none is given, and the family's own is used.
    var system: String { get set }
    /// The family's prompt around the messages, ready for the answer.
    func prompt(_ messages: [Message]) throws -> Prompt
    /// Ids of an answer to be learnt, with the stop token at its end.
    func answerTokens(_ text: String) -> [Int32]
    /// What the decoder gets for tokens of an answer: ids of any shape -> [..., hidden].
    func answerEmbeddings(_ ids: MLXArray) -> MLXArray
}

/// A family with one stream of ids and a chat template: all but Kimi-Audio.
public protocol ChatModel: AudioLanguageModel {
    var processor: ChatProcessor { get }
}

extension ChatModel {
    public var tokenizer: BPETokenizer { processor.tokenizer }
    public var stopTokens: Set<Int32> { processor.stopTokens }
    public func prompt(_ messages: [Message]) throws -> Prompt {
        try processor.prompt(messages, embedding: decoder.embedTokens)
    }
    public func answerTokens(_ text: String) -> [Int32] { processor.answerTokens(text) }
    public func answerEmbeddings(_ ids: MLXArray) -> MLXArray { decoder.embedTokens(ids) }
}

extension AudioLanguageModel {
    /// The user's turn behind the system turn, if there is one.
    public func prompt(asking parts: [Message.Part]) throws -> Prompt {
        try prompt((system.isEmpty ? [] : [Message(.system, [.text(system)])]) + [Message(.user, parts)])
    }
    /// One clip as the user's whole turn: how analyses, training and evaluation ask.
    public func prompt(hearing features: AudioFeatures) throws -> Prompt { try prompt(asking: [.audio(features)]) }
    /// A clip whose words are to be said again.
    public func prompt(repeating features: AudioFeatures) throws -> Prompt {
        try prompt(asking: [.audio(features), .text("\nRepeat exactly what I said.")])
    }
    /// The same query as text.
    public func prompt(reading text: String) throws -> Prompt { try prompt(asking: [.text(text)]) }
}
