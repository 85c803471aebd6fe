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
        abstract: "Writes every activation of one forward pass over one prompt to a safetensors file.",
        discussion: """
            Tensors: mel [frames, bins] (mel.0, mel.1, ... of several clips), audio_features [n, d], input_ids [T], audio_mask [T],
            layer.L [T, d] (before the final norm), pooled [layers, d], logits [vocabulary] of the last position, generated [K].
            """)

    @OptionGroup var options: ModelOptions
    @OptionGroup var asking: PromptOptions

    @Option(help: "A speech file; several, in their order, by giving it again.")
    var audio: [String]

    @Option(help: "Text beside the clip in the user's turn.")
    var prompt: String?

    @Flag(help: "The text stands before the clip, not after it.")
    var promptFirst = false

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
        try asking.prepare(model, adapter: adapter)
        let waveforms = try audio.map { try AudioFile.read(URL(fileURLWithPath: $0)) }
        let mels = try waveforms.map { try model.mel(of: $0) }
        let clips = try zip(audio, waveforms).map { try model.heard($1, as: $0) }
        let words = prompt.map { [Message.Part.text($0)] } ?? [], heard = clips.map { Message.Part.audio($0) }
        let ask = try model.prompt(asking: promptFirst ? words + heard : heard + words)
        let batch = PromptBatch([ask], padding: .right)
        var tensors: [(name: String, array: MLXArray)] = [], pooled: [MLXArray] = []
        let end = model.decoder(batch.embeddings, batch.positions) { layer, output in
            tensors.append((name: "layer.\(layer)", array: output.squeezed(axis: 0)))
            pooled.append(batch.pooled(output).squeezed(axis: 0))
        }
        tensors += [
            (
                name: "audio_features",
                array: MLXArray(clips.flatMap(\.values), [clips.reduce(0) { $0 + $1.count }, clips[0].width])
            ),
            (name: "input_ids", array: MLXArray(ask.inputIDs)), (name: "audio_mask", array: MLXArray(ask.audioMask)),
            (name: "pooled", array: stacked(pooled)),
            (name: "logits", array: model.decoder.logits(batch.last(end)).squeezed(axis: 0)),
        ]
        for (i, mel) in mels.enumerated() {
            let name = mels.count == 1 ? "mel" : "mel.\(i)"
            tensors.append((name: name, array: MLXArray(mel.values, [mel.frames, mel.bins])))
        }
        if !ask.textIDs.isEmpty { tensors.append((name: "text_ids", array: MLXArray(ask.textIDs))) }
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
