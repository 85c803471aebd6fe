import Checkpoints
import Foundation
import MLX

extension AlignmentTrainer {
    /// What a checkpoint says beside its tensors. A resumed run must agree in all but where it is.
    private struct State: Codable, Equatable {
        var step: Int, generator: UInt64, passStart: UInt64, taken: Int
        var options: AlignmentOptions
        /// SHA-256 of the ids and lengths of the training clips, in their order.
        var data: String
        var baseModel: String
        var engine: String
        /// Where sums are cut: results are bit-equal for a fixed number of threads only.
        var threads: Int
    }

    private static let stateName = "state.json", tensorsName = "state.safetensors"

    private var state: State {
        let clips = items.map { "\($0.id) \($0.count) \($0.labels)" }.joined(separator: "\n")
        return State(
            step: step, generator: generator.state, passStart: passStart, taken: taken, options: options,
            data: Checksum.sha256(Data(clips.utf8)), baseModel: model.weightsHash, engine: engineVersion,
            threads: Device.threads)
    }

    /// A complete folder in the place of the one before.
    func save(in folder: URL) throws {
        try AtomicDirectory.write(to: folder, replacing: true) { temporary in
            var tensors: [(name: String, array: MLXArray)] = []
            for (g, group) in groups.enumerated() {
                for (i, t) in group.named.enumerated() {
                    guard let value = t.parameter.array else { continue }
                    tensors.append((name: "\(g).weights.\(t.path)", array: value))
                    tensors.append((name: "\(g).m.\(t.path)", array: group.optimiser.m[i]))
                    tensors.append((name: "\(g).v.\(t.path)", array: group.optimiser.v[i]))
                }
            }
            try Safetensors.write(tensors, to: temporary.appendingPathComponent(Self.tensorsName))
            try AtomicFile.write(Trainer.json(state), to: temporary.appendingPathComponent(Self.stateName))
        }
    }

    /// Goes on from a folder that `save` wrote; one that is not there is no error: the run starts anew.
    func resume(from folder: URL) throws {
        guard FileManager.default.fileExists(atPath: folder.path) else { return }
        try AtomicDirectory.verify(folder)
        let stored = try JSONDecoder().decode(
            State.self, from: Data(contentsOf: folder.appendingPathComponent(Self.stateName)))
        var expected = state
        (expected.step, expected.generator, expected.passStart, expected.taken) = (
            stored.step, stored.generator, stored.passStart, stored.taken
        )
        guard stored == expected, stored.step >= 0, stored.taken >= 0 else {
            let what =
                stored.options != options
                ? "its settings differ"
                : stored.data != expected.data ? "its clips differ" : "its model, engine or threads differ"
            throw FineTuningError(
                "\(folder.path) was made by another run: \(what); use the same command, or remove the folder to start anew"
            )
        }
        let file = try SafetensorsFile(folder.appendingPathComponent(Self.tensorsName))
        for (g, group) in groups.enumerated() {
            let read = { (kind: String) in try group.named.map { try file.array("\(g).\(kind).\($0.path)") } }
            let weights = try read("weights")
            guard zip(group.named, weights).allSatisfy({ $0.parameter.array?.shape == $1.shape }) else {
                throw FineTuningError("\(folder.path): the weights have other shapes than this run's")
            }
            try eval(weights)
            try group.optimiser.restore(step: stored.step, m: read("m"), v: read("v"))
            for (t, value) in zip(group.named, weights) { t.parameter.array = value }
        }
        enterPass(from: stored.passStart, taken: stored.taken)
        generator.state = stored.generator
        step = stored.step
    }
}
