import AudioLanguageModels
import Checkpoints
import Foundation

extension Reproduce {
    /// What the results in a run's folder rest on, kept there as inputs.json. Stages that are done are not done again, so that
    /// results of other inputs would stand in the report as if they were of these.
    struct Inputs: Codable, Equatable {
        var profile: String
        var layers: String
        var seed: UInt64
        var quantize: Int
        var model: String
        /// Of the model's weights.
        var modelHash: String
        /// synthetic or given; which one is given, its hash tells.
        var corpus: String
        /// SHA-256 of corpus.jsonl; nil before the synthetic corpus is built.
        var corpusHash: String?

        init(_ command: Reproduce, model: any AudioLanguageModel) {
            profile = command.profile.rawValue
            layers = command.layers
            seed = command.seed
            quantize = command.options.quantize ?? 0
            self.model = model.name
            modelHash = model.weightsHash
            corpus = command.corpus == nil ? "synthetic" : "given"
        }

        static let fileName = "inputs.json"

        /// Writes them, or compares them with what the folder holds.
        /// - Throws: `CheckpointError` where the folder's results were made from others, with what differs.
        mutating func hold(in folder: URL) throws {
            let file = folder.appendingPathComponent(Self.fileName)
            let remedy = "give another --out, or remove the folder"
            guard FileManager.default.fileExists(atPath: file.path) else {
                let old = folder.appendingPathComponent("layers.json")
                guard !FileManager.default.fileExists(atPath: old.path) else {
                    throw CheckpointError(
                        "\(folder.path) holds results without \(Self.fileName), so that nothing tells what they were made from: \(remedy)"
                    )
                }
                return try AtomicFile.write(prettyJSON(self), to: file)
            }
            let known: Inputs
            do {
                known = try JSONDecoder().decode(Inputs.self, from: Data(contentsOf: file))
            } catch {
                throw CheckpointError("\(file.path): not the inputs of a run: \(remedy)")
            }
            // Known from the first run on: where the corpus is not built yet, it is what will be.
            corpusHash = corpusHash ?? known.corpusHash
            let differences = zip(Self.shown(known), Self.shown(self)).filter { $0.value != $1.value }
            guard differences.allSatisfy({ $0.0.name == "corpus.jsonl" && known.corpusHash == nil }) else {
                let list = differences.map { "\($0.name) was \($0.value), is \($1.value)" }.joined(separator: "; ")
                throw CheckpointError("\(folder.path) holds results of other inputs: \(list); \(remedy)")
            }
            if self != known { try AtomicFile.write(prettyJSON(self), to: file) }
        }

        private static func shown(_ inputs: Inputs) -> [(name: String, value: String)] {
            [
                ("--profile", inputs.profile), ("--layers", inputs.layers), ("--seed", "\(inputs.seed)"),
                ("--quantize", "\(inputs.quantize)"), ("--model", inputs.model),
                ("the model's hash", String(inputs.modelHash.prefix(12))), ("the corpus", inputs.corpus),
                ("corpus.jsonl", inputs.corpusHash.map { String($0.prefix(12)) } ?? "-"),
            ]
        }
    }
}
