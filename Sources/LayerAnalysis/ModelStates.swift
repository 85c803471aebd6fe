import AudioLanguageModels
import Corpora
import Foundation
import MLX

/// The states of clips, from one forward pass each; all five analyses are observers of it.
public enum ModelStates {
    /// - Parameters:
    ///   - lens: whether the logit lens is wanted for a clip: it costs two products with the whole vocabulary a layer.
    ///   - batch: clips of one forward pass.
    public static func collect(
        _ utterances: [Utterance], model: any AudioLanguageModel, batch size: Int = 8,
        lens: (Utterance) -> Bool = { $0.intent != nil }, features: (Utterance) throws -> AudioFeatures,
        progress: (Int, Int) -> Void = { _, _ in }, shouldStop: () -> Bool = { false }
    ) throws -> [(Utterance, ClipStates)] {
        var found: [(Utterance, ClipStates)] = []
        // Clips with and without the lens apart, so that a batch is of one kind; results keep the corpus' order.
        var order: [[Int]] = []
        for wanted in [false, true] {
            let own = utterances.indices.filter { lens(utterances[$0]) == wanted }
            order += stride(from: 0, to: own.count, by: max(1, size)).map {
                Array(own[$0..<min($0 + max(1, size), own.count)])
            }
        }
        var results = [ClipStates?](repeating: nil, count: utterances.count), done = 0
        for indices in order {
            if shouldStop() { throw CancellationError() }
            let clips = try indices.map { try features(utterances[$0]) }
            let prompts = try clips.map { try model.prompt(hearing: $0) }
            let wanted = lens(utterances[indices[0]])
            for (k, states) in try Self.states(prompts, model: model, lens: wanted).enumerated() {
                var states = states
                states.encoder = clips[k].encoderStates
                states.input = clips[k].mean
                results[indices[k]] = states
            }
            done += indices.count
            progress(done, utterances.count)
        }
        for (utterance, states) in zip(utterances, results) { if let states { found.append((utterance, states)) } }
        return found
    }

    /// One forward pass over a right-padded batch: pooled states, and the lens at each row's last position.
    static func states(_ prompts: [Prompt], model: any AudioLanguageModel, lens: Bool) throws -> [ClipStates] {
        let batch = PromptBatch(prompts, padding: .right), B = prompts.count
        var pooled: [MLXArray] = [], last: [MLXArray] = []
        let end = model.decoder(batch.embeddings, batch.positions) { _, output in
            pooled.append(batch.pooled(output))
            last.append(batch.last(output))
        }
        let all = stacked(pooled)  // [layers, B, width]
        try eval([all] + last + [end])
        let layers = all.dim(0), width = all.dim(2), values = try all.asArray()
        func rows(_ k: Int) -> [[Float]] {
            (0..<layers).map { l in Array(values[(l * B + k) * width..<(l * B + k + 1) * width]) }
        }
        guard lens else {
            return (0..<B).map { ClipStates(pooled: rows($0), encoder: [], lens: [], lensRaw: [], top: -1) }
        }
        let top = try model.decoder.logits(batch.last(end)).argMax().asInt32Array()
        var normed: [[[Int32]]] = [], raw: [[[Int32]]] = []  // [layers][B][3]
        for state in last {
            normed.append(try topThree(model.decoder.logits(state)))
            raw.append(try topThree(model.decoder.logits(state, normed: false)))
        }
        return (0..<B).map { k in
            ClipStates(
                pooled: rows(k), encoder: [], lens: normed.map { $0[k] }, lensRaw: raw.map { $0[k] }, top: top[k])
        }
    }

    private static func topThree(_ logits: MLXArray) throws -> [[Int32]] {
        let V = logits.dim(1)
        return try logits.asArray().withUnsafeBufferPointer { values in
            (0..<logits.dim(0)).map { row in
                var best: [(value: Float, id: Int32)] = []
                for v in 0..<V {
                    let x = values[row * V + v]
                    if best.count == 3, x <= best[2].value { continue }
                    best.append((x, Int32(v)))
                    best.sort { $0.value > $1.value }
                    if best.count > 3 { best.removeLast() }
                }
                return best.map(\.id)
            }
        }
    }
}
