import ArgumentParser
import AudioLanguageModels
import Checkpoints
import FineTuning
import Foundation
import MLX
import Speech

/// `resurface trace`: one forward pass with every activation.
struct Trace: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes every activation of one forward pass over one clip to a safetensors file.",
        discussion: """
            Tensors: mel [frames, bins], audio_features [n, d], input_ids [T], audio_mask [T], layer.L [T, d] (before the final
            norm), pooled [layers, d], logits [vocabulary] of the last position, generated [K].
            """)

    @OptionGroup var options: ModelOptions

    @Option(help: "A speech file.")
    var audio: String

    @Option(help: "Text after the clip in the user's turn.")
    var prompt: String?

    @Option(help: "A run folder, or an adapter folder in PEFT's layout.")
    var adapter: String?

    @Option(help: "Tokens to generate greedily.")
    var tokens = 0

    @Option(help: "The file to write (.safetensors).")
    var out: String

    @Flag(help: "Print the audio positions and the answer as JSON.")
    var json = false

    func run() throws {
        guard (0...4096).contains(tokens) else {
            throw ValidationError("--tokens: expected 0 to 4096, found \(tokens)")
        }
        let model = try options.load()
        if let adapter { try Adapters.load(URL(fileURLWithPath: adapter, isDirectory: true), into: model) }
        let waveform = try AudioFile.read(URL(fileURLWithPath: audio))
        let mel = try model.mel(of: waveform), features = try model.features(of: waveform)
        let ask = try model.prompt([Message(.user, [.audio(features)] + (prompt.map { [.text($0)] } ?? []))])
        let batch = PromptBatch([ask], padding: .right)
        var tensors: [(name: String, array: MLXArray)] = [], pooled: [MLXArray] = []
        let end = model.decoder(batch.embeddings, batch.positions) { layer, output in
            tensors.append((name: "layer.\(layer)", array: output.squeezed(axis: 0)))
            pooled.append(batch.pooled(output).squeezed(axis: 0))
        }
        tensors += [
            (name: "mel", array: MLXArray(mel.values, [mel.frames, mel.bins])),
            (name: "audio_features", array: MLXArray(features.values, [features.count, features.width])),
            (name: "input_ids", array: MLXArray(ask.inputIDs)), (name: "audio_mask", array: MLXArray(ask.audioMask)),
            (name: "pooled", array: stacked(pooled)),
            (name: "logits", array: model.decoder.logits(batch.last(end)).squeezed(axis: 0)),
        ]
        var answer: [Int32] = []
        if tokens > 0 {
            answer = try model.generate([ask], maximumTokens: tokens, shouldStop: { Interrupt.requested })[0]
            if !answer.isEmpty { tensors.append((name: "generated", array: MLXArray(answer))) }
        }
        try Safetensors.write(tensors, metadata: ["model": model.name], to: URL(fileURLWithPath: out))
        let positions = ask.audioMask.indices.filter { ask.audioMask[$0] }
        let text = model.tokenizer.decode(answer)
        if json {
            struct Answer: Codable { var audioPositions: [Int], length: Int, answer: String?, file: String }
            try printJSON(
                Answer(audioPositions: positions, length: ask.count, answer: tokens > 0 ? text : nil, file: out))
        } else {
            print(
                "\(ask.count) positions, audio at \(positions.first ?? 0)-\(positions.last ?? 0); \(tensors.count) tensors in \(out)"
            )
            if tokens > 0 { print(text) }
        }
    }
}
