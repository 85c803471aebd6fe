import AudioLanguageModels
import Checkpoints
import Corpora
import Foundation
import MLX
import MLXNN

/// What the heads say of a clip.
public struct HeadReading: Sendable {
    public let category: Category?
    /// The index of the likeliest value of each category.
    public let attributes: [Category: Int]
}

/// Which of the heads' two answers were right for a clip.
public struct HeadAnswer: Sendable {
    public let category: Category
    public let isCategoryRight: Bool
    public let isAttributeRight: Bool
}

extension ClassificationHeads {
    /// What the heads of a run say of labelled clips; nil where the run was trained without them. Right heads beside wrong answers
    /// mean that the voice is heard and not used.
    public static func answers(
        of run: URL, to examples: [Example], model: any AudioLanguageModel, shouldStop: () -> Bool = { false }
    ) throws -> [HeadAnswer]? {
        try readings(of: run, examples.map(\.prompt), model: model, shouldStop: shouldStop).map { readings in
            zip(examples, readings).compactMap { example, read in
                example.label.map {
                    HeadAnswer(
                        category: $0.category, isCategoryRight: read.category == $0.category,
                        isAttributeRight: read.attributes[$0.category] == $0.attribute)
                }
            }
        }
    }

    /// One reading a prompt; nil where the run was trained without heads. The run's adapter must be in the model.
    public static func readings(
        of run: URL, _ prompts: [Prompt], model: any AudioLanguageModel, shouldStop: () -> Bool = { false }
    ) throws -> [HeadReading]? {
        let url = Adapters.folder(of: run).appendingPathComponent("heads.safetensors")
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        let file = try SafetensorsFile(url)
        guard let layer = file.metadata["layer"].flatMap(Int.init), model.decoder.layers.indices.contains(layer) else {
            throw FineTuningError(
                "\(url.path): expected the metadata \"layer\", one of the model's \(model.decoder.layers.count)")
        }
        let heads = ClassificationHeads(width: model.decoder.config.hiddenSize, seed: 0)
        var values: [String: MLXArray] = [:]
        for name in file.names { values[name] = try file.array(name).asType(.float32) }
        do {
            try heads.update(parameters: values)
        } catch let error as ModuleError {
            throw FineTuningError("\(url.path): \(error)")
        }
        return try stride(from: 0, to: prompts.count, by: 8).flatMap { start in
            if shouldStop() { throw CancellationError() }
            let part = Array(prompts[start..<min(start + 8, prompts.count)])
            let batch = PromptBatch(part, padding: .right)
            var pooled = MLXArray(0)
            _ = model.decoder(batch.embeddings, batch.positions) { l, output in
                if l == layer { pooled = batch.pooled(output) }
            }
            let read = try heads.read(pooled)
            return part.indices.map { b in
                func best(_ values: [Float], of count: Int) -> Int? {
                    let own = values[b * count..<(b + 1) * count]
                    return own.indices.max { own[$0] < own[$1] }.map { $0 - own.startIndex }
                }
                return HeadReading(
                    category: best(read.category, of: Category.allCases.count).map { Category.allCases[$0] },
                    attributes: read.attributes.reduce(into: [:]) {
                        $0[$1.key] = best($1.value, of: $1.key.attributes.count)
                    }
                )
            }
        }
    }
}
