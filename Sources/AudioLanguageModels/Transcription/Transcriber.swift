import Checkpoints
import Foundation
import MLX
import MLXNN
import Speech
import Tokenization

/// Whisper as a listener: clips in, English text out, greedily and without timestamps.
///
/// ```swift
/// let transcriber = try Transcriber(folder: TranscriberSetup.folder)
/// let texts = try transcriber.transcribe([AudioFile.read(url)])
/// ```
public final class Transcriber {
    /// SHA-256 that stands for the weights and for how they are used.
    public let hash: String
    public let encoder: WhisperEncoder
    public let decoder: WhisperDecoder
    let tokenizer: BPETokenizer
    let end: Int32
    /// What every transcript begins with.
    let start: [Int32]
    /// [vocabulary]: 0, or minus infinity for tokens that are never said; the second for the first token, which is no blank.
    let mask: MLXArray, firstMask: MLXArray
    private let logMel: LogMel

    /// The silence that is put behind a clip, in seconds. Whisper has learnt windows of 30 s; where a clip ends at the end of what
    /// it sees, it does not know that all was said, and starts anew.
    public struct Hearing: Sendable {
        /// So much more than the clip.
        public var trailing: Double
        /// So long together.
        public var atLeast: Double
        public init(trailing: Double = 0, atLeast: Double = 0) {
            self.trailing = min(max(0, trailing), 20)
            self.atLeast = min(max(0, atLeast), Double(Transcriber.window))
        }
        /// 2 s of silence: nearly as good as a whole window, at a ninth of its time (docs/NOTEBOOK.md).
        public static let quick = Hearing(trailing: 2)
        /// Silence up to 30 s, as it was trained.
        public static let whole = Hearing(atLeast: 30)
    }

    /// Change it with the code that makes transcripts.
    private static let version = 1
    /// As OpenAI's decoder: half of the positions.
    static let maximumTokens = 224
    /// A window of the encoder, in seconds. Longer clips are cut into windows.
    static let window = 30
    /// Windows that are decoded together: a full one takes 18 MB of keys and values.
    static let windowsAtOnce = 64

    /// - Parameter folder: of an English-only Whisper in Hugging Face's layout, with tokenizer.json and generation_config.json.
    public init(folder: URL) throws {
        let files = try HFFolder(folder)
        let audio = try WhisperEncoderConfig(files.config), text = try WhisperDecoderConfig(files.config)
        encoder = WhisperEncoder(audio)
        decoder = WhisperDecoder(text)
        logMel = try LogMel(bins: audio.melBins)
        guard audio.width == text.width, audio.positions >= Self.window * 50, text.positions > Self.maximumTokens else {
            throw ModelError(
                "\(files.config.place): expected one width, \(Self.window * 50) source positions and more than "
                    + "\(Self.maximumTokens) target positions, found \(audio.width) and \(text.width), \(audio.positions), "
                    + "\(text.positions)")
        }
        var loader = CheckpointLoader(files)
        try loader.load(into: encoder) { "model.encoder." + $0 }
        try loader.load(into: decoder) { "model.decoder." + $0 }
        try loader.finish(others: ["proj_out."])
        // 151 MB in place of 76: with many rows, widening the weights anew for every product would cost a twentieth of the time.
        for module in [encoder, decoder] as [Module] {
            let wide = module.parameters().mapValues { $0.asType(.float32) }
            try eval(Array(wide.values))
            try module.update(parameters: wide)
        }
        tokenizer = try BPETokenizer(folder: folder)
        end = try tokenizer.require(special: "<|endoftext|>")
        start = try ["<|startoftranscript|>", "<|notimestamps|>"].map(tokenizer.require(special:))
        let generation = try JSONFile.object(at: folder.appendingPathComponent("generation_config.json"))
        let V = text.vocabularySize, ids = 0...V - 1
        guard ([end] + start).allSatisfy({ ids.contains(Int($0)) }) else {
            throw ModelError("\(files.config.place): vocab_size is \(V), less than the tokenizer's ids")
        }
        var values = [Float](repeating: 0, count: V)
        for id in try generation.ints("suppress_tokens", in: ids) { values[id] = -.infinity }
        // Languages, tasks and timestamps follow the first start token.
        for id in Int(start[0])..<V where id != Int(end) { values[id] = -.infinity }
        values[Int(end)] = 0
        mask = MLXArray(values)
        for id in try generation.ints("begin_suppress_tokens", in: ids) { values[id] = -.infinity }
        firstMask = MLXArray(values)
        let weights = try files.contentHash(),
            rules = try Checksum.sha256(
                file: folder.appendingPathComponent("generation_config.json"))
        hash = Checksum.sha256(Data("\(weights) \(rules) \(Self.version)".utf8))
    }

    /// The text of each clip. Clips of one length are quickest together. A clip of more than 30 s (28 where the hearing is quick) is
    /// heard in windows of that length, so a word at a cut may be lost.
    ///
    /// - Parameter shouldStop: asked before every clip and token; then `CancellationError` is thrown.
    public func transcribe(
        _ clips: [Waveform], hearing: Hearing = .quick, shouldStop: () -> Bool = { false }
    ) throws -> [String] {
        var windows: [(clip: Int, mel: MelSpectrogram)] = []
        // Windows do not depend on each other.
        let logMel = logMel
        let mels = try parallelMap(clips.count) { try Self.windows(clips[$0], hearing).map { try logMel($0) } }
        for (i, mels) in mels.enumerated() { windows += mels.map { (i, $0) } }
        var tokens: [[Int32]] = []
        for start in stride(from: 0, to: windows.count, by: Self.windowsAtOnce) {
            let heard = try windows[start..<min(start + Self.windowsAtOnce, windows.count)].map { window in
                if shouldStop() { throw CancellationError() }
                return try encode(window.mel)
            }
            tokens += try decode(heard, shouldStop: shouldStop)
        }
        var texts = clips.map { _ in [String]() }
        for (window, ids) in zip(windows, tokens) {
            texts[window.clip].append(tokenizer.decode(ids).trimmingCharacters(in: .whitespacesAndNewlines))
        }
        return texts.map { $0.filter { !$0.isEmpty }.joined(separator: " ") }
    }

    /// With the silence that belongs behind each.
    private static func windows(_ clip: Waveform, _ hearing: Hearing) throws -> [Waveform] {
        let sound = try Resampler.resample(clip, to: LogMel.sampleRate), rate = Double(LogMel.sampleRate)
        let silence = Int(hearing.trailing * rate), size = window * LogMel.sampleRate - silence
        return stride(from: 0, to: sound.samples.count, by: size).compactMap { start in
            let part = sound.samples[start..<min(start + size, sound.samples.count)]
            // Less than a tenth of a second holds no word.
            guard part.count >= LogMel.sampleRate / 10 else { return nil }
            let behind = max(silence, Int(hearing.atLeast * rate) - part.count)
            return Waveform(
                samples: Array(part) + [Float](repeating: 0, count: behind), sampleRate: LogMel.sampleRate)
        }
    }

    /// The encoder's last states of a window, [frames / 2, width].
    package func encode(_ mel: MelSpectrogram) throws -> MLXArray {
        let blocks = encoder.blocks(MLXArray(mel.values, [1, mel.frames, mel.bins]))
        let last = encoder.norm(blocks[blocks.count - 1]).squeezed(axis: 0)
        try eval(last)
        return last
    }
}
