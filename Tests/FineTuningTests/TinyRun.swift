import AudioLanguageModels
import Corpora
import FineTuning
import Foundation
import MLX
import TestSupport

/// The tiny model with labelled examples of different lengths in all categories.
struct TinyRun {
    let model: SmolModel
    let examples: [Example]

    init(in folder: URL, count: Int = 12, poisoned: String? = nil) throws {
        let model = try TinyModel.load(in: folder)
        self.model = model
        examples = try (0..<count).map { i in
            let category = Category.allCases[i % 3], value = category.attributes[i / 3 % category.attributes.count]
            let id = "clip\(i)"
            let utterance = Utterance(
                id: id, audio: "none.wav", text: "a text", category: category, attribute: value, speaker: "s",
                engine: "tone", split: .train, response: String(repeating: "the \(value) ", count: 1 + i % 4))
            var features = try model.features(
                of: TinyModel.tone(Float(110 + 17 * i), seconds: 0.3 + 0.1 * Double(i % 5)))
            if id == poisoned { features.values[3] = .infinity }
            return try Example(utterance, features: features, model: model)
        }
    }

    static func config(steps: Int = 12) -> FineTuneConfig {
        var config = FineTuneConfig()
        (config.firstLayer, config.lastLayer) = (1, 2)
        (config.rank, config.alpha, config.steps, config.batchSize, config.microBatchSize) = (4, 8, steps, 8, 8)
        config.learningRate = 5e-3
        config.saveEvery = 100
        return config
    }

    func trainer(_ config: FineTuneConfig = TinyRun.config()) throws -> Trainer {
        try Trainer(model: model, examples: examples, config: config)
    }
}

extension Trainer {
    /// Values of everything that trains, by path.
    func values() throws -> [String: [Float]] {
        try Dictionary(
            uniqueKeysWithValues: trained.compactMap { t in try t.parameter.array.map { (t.path, try $0.asArray()) } })
    }
    /// The joint loss of a batch.
    func joint(_ batch: [Example]) throws -> Double {
        let (sft, category, attribute, _) = try gradients(batch)
        return Double(sft) + Double(config.lambda) * (Double(category) + Double(attribute))
    }
}

func bytes(_ url: URL) throws -> Data { try Data(contentsOf: url) }
