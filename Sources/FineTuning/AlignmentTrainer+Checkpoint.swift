import Checkpoints
import Foundation
import MLX

extension AlignmentTrainer {
    /// What a checkpoint says beside its tensors. A resumed run must agree in all but where it is.
    private struct State: Codable, Equatable {
        var step: Int, generator: UInt64, passStart: UInt64
        /// Batches of the pass that are still to come.
        var remaining: Int
        var options: AlignmentOptions
        /// SHA-256 of the ids and lengths of the training clips, in their order.
        var data: String
        var baseModel: String
        var engine: String
        /// Where sums are cut: results are bit-equal for a fixed number of threads only.
        var threads: Int
    }

    private var state: State {
        let clips = items.map { "\($0.id) \($0.count) \($0.labels)" }.joined(separator: "\n")
        return State(
            step: step, generator: generator.state, passStart: passStart, remaining: queue.count, options: options,
            data: Checksum.sha256(Data(clips.utf8)), baseModel: model.weightsHash, engine: engineVersion,
            threads: Device.threads)
    }

    /// A complete folder in the place of the one before.
    func save(in folder: URL) throws {
        try CheckpointFiles.write(state, groups.map { ($0.named, $0.optimiser) }, to: folder)
    }

    /// Goes on from a folder that `save` wrote; one that is not there is no error: the run starts anew.
    func resume(from folder: URL) throws {
        guard FileManager.default.fileExists(atPath: folder.path) else { return }
        let stored = try CheckpointFiles.state(State.self, in: folder)
        var expected = state
        (expected.step, expected.generator, expected.passStart, expected.remaining) = (
            stored.step, stored.generator, stored.passStart, stored.remaining
        )
        guard stored == expected, stored.step >= 0, stored.remaining >= 0 else {
            let what =
                stored.options != options
                ? "its settings differ"
                : stored.data != expected.data ? "its clips differ" : "its model, engine or threads differ"
            throw FineTuningError(
                "\(folder.path) was made by another run: \(what); use the same command, or remove the folder to start anew"
            )
        }
        try CheckpointFiles.restore(groups.map { ($0.named, $0.optimiser) }, step: stored.step, from: folder)
        enterPass(from: stored.passStart, remaining: stored.remaining)
        generator.state = stored.generator
    }
}
