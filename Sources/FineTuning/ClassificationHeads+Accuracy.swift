import AudioLanguageModels
import Checkpoints
import Corpora
import Foundation
import MLX
import MLXNN

/// Which of the heads' two answers were right for a clip.
public struct HeadAnswer: Sendable {
    public let category: Category
    public let isCategoryRight: Bool
    public let isAttributeRight: Bool
}

extension ClassificationHeads {
    /// What the heads of a run say of clips; nil where the run was trained without them. The run's adapter must be in the
    /// model. Right heads beside wrong answers mean that the voice is heard and not used.
    public static func answers(
        of run: URL, to examples: [Example], model: any AudioLanguageModel
    ) throws -> [HeadAnswer]? {
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
        return try stride(from: 0, to: examples.count, by: 8).flatMap { start in
            let part = Array(examples[start..<min(start + 8, examples.count)])
            let batch = PromptBatch(part.map(\.prompt), padding: .right)
            var pooled = MLXArray(0)
            _ = model.decoder(batch.embeddings, batch.positions) { l, output in
                if l == layer { pooled = batch.pooled(output) }
            }
            let read = try heads.read(pooled)
            return part.enumerated().compactMap { b, example -> HeadAnswer? in
                guard let (category, value) = example.label else { return nil }
                let categories = Category.allCases.count, own = category.attributes.count
                let attribute = read.attributes[category] ?? []
                return HeadAnswer(
                    category: category,
                    isCategoryRight: Self.best(read.category[b * categories..<(b + 1) * categories])
                        == Category.allCases.firstIndex(of: category),
                    isAttributeRight: Self.best(attribute[b * own..<(b + 1) * own]) == value)
            }
        }
    }

    private static func best(_ values: ArraySlice<Float>) -> Int? {
        values.indices.max { values[$0] < values[$1] }.map { $0 - values.startIndex }
    }
}
