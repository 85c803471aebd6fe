import Checkpoints
import Foundation
import MLX
import MLXNN

/// The two files of a training's checkpoint: what a resume compares, and what was trained with its moments.
enum CheckpointFiles {
    /// Parameters in a fixed order, and the optimiser that moves them.
    typealias Part = (trained: [(path: String, parameter: any AnyParameterInfo)], optimiser: AdamW)

    private static let stateName = "state.json", tensorsName = "state.safetensors"

    /// A complete folder in the place of one that is there, or none. Paths differ between the parts.
    static func write(_ state: some Encodable, _ parts: [Part], to folder: URL) throws {
        try AtomicDirectory.write(to: folder, replacing: true) { temporary in
            var tensors: [(name: String, array: MLXArray)] = []
            for part in parts {
                for (i, t) in part.trained.enumerated() {
                    guard let value = t.parameter.array else { continue }
                    tensors.append((name: "weights." + t.path, array: value))
                    tensors.append((name: "m." + t.path, array: part.optimiser.m[i]))
                    tensors.append((name: "v." + t.path, array: part.optimiser.v[i]))
                }
            }
            try Safetensors.write(tensors, to: temporary.appendingPathComponent(tensorsName))
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            try AtomicFile.write(
                encoder.encode(state) + Data("\n".utf8), to: temporary.appendingPathComponent(stateName))
        }
    }

    /// Checks the folder against its manifest and reads what a resume compares.
    static func state<State: Decodable>(_ type: State.Type, in folder: URL) throws -> State {
        try AtomicDirectory.verify(folder)
        let file = folder.appendingPathComponent(stateName)
        do {
            return try JSONDecoder().decode(type, from: Data(contentsOf: file))
        } catch is DecodingError {
            throw FineTuningError(
                "\(file.path): not a checkpoint of this version: start a new run, or go on with the version that wrote it"
            )
        }
    }

    /// Puts weights and moments back. Shapes that differ change nothing of their part.
    static func restore(_ parts: [Part], step: Int, from folder: URL) throws {
        let file = try SafetensorsFile(folder.appendingPathComponent(tensorsName))
        for part in parts {
            let read = { (kind: String) in try part.trained.map { try file.array("\(kind).\($0.path)") } }
            let weights = try read("weights")
            guard zip(part.trained, weights).allSatisfy({ $0.parameter.array?.shape == $1.shape }) else {
                throw FineTuningError("\(folder.path): the weights have other shapes than this run's")
            }
            try eval(weights)
            try part.optimiser.restore(step: step, m: read("m"), v: read("v"))
            for (t, value) in zip(part.trained, weights) { t.parameter.array = value }
        }
    }
}
