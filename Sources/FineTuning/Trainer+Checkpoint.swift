import Foundation
import MLX

/// What a checkpoint says beside its tensors. A resumed run must agree in all but the step.
public struct CheckpointState: Codable, Sendable, Equatable {
    public var step: Int
    public var totalSteps: Int
    public var config: FineTuneConfig
    /// SHA-256 of the base model's weights, and of the ids of the training clips in their order.
    public var baseModel: String
    public var data: String
    public var engine: String
    /// Where sums are cut: results are bit-equal for a fixed number of threads only.
    public var threads: Int
}

extension Trainer {
    public var state: CheckpointState {
        CheckpointState(
            step: step, totalSteps: totalSteps, config: config, baseModel: model.weightsHash, data: dataHash,
            engine: engineVersion, threads: Device.threads)
    }

    /// A complete directory `checkpoints/step-N`, or none: weights, heads, both moments, and everything a resume compares.
    public func saveCheckpoint(in run: URL) throws {
        let folder = run.appendingPathComponent("checkpoints/step-\(step)", isDirectory: true)
        try CheckpointFiles.write(state, [(trained, optimiser)], to: folder)
        // Only now, with the new one durable, do old ones go.
        for old in try Self.checkpoints(in: run).dropLast(config.keepCheckpoints) {
            try? FileManager.default.removeItem(at: old.url)
        }
    }

    /// By step, the latest last.
    public static func checkpoints(in run: URL) throws -> [(step: Int, url: URL)] {
        let folder = run.appendingPathComponent("checkpoints", isDirectory: true)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.compactMap { name -> (Int, URL)? in
            guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)) else { return nil }
            return (step, folder.appendingPathComponent(name, isDirectory: true))
        }.sorted { $0.0 < $1.0 }
    }

    /// Continues from the latest checkpoint of the run; false where there is none: the run starts anew.
    @discardableResult
    public func resume(from run: URL) throws -> Bool {
        guard let latest = try Self.checkpoints(in: run).last else { return false }
        let stored = try CheckpointFiles.state(CheckpointState.self, in: latest.url)
        var expected = state
        expected.step = stored.step
        guard stored == expected else {
            throw FineTuningError(
                "\(latest.url.path) was made by another run: \(Self.difference(stored, expected)); start a new run or use the same settings"
            )
        }
        try CheckpointFiles.restore([(trained, optimiser)], step: stored.step, from: latest.url)
        return true
    }

    private static func difference(_ a: CheckpointState, _ b: CheckpointState) -> String {
        if a.config != b.config { return "its settings differ" }
        if a.baseModel != b.baseModel { return "its base model differs" }
        if a.data != b.data { return "its training clips differ" }
        if a.threads != b.threads {
            return "it ran with \(a.threads) threads, this process has \(b.threads) (CMLX_THREADS sets them)"
        }
        if a.engine != b.engine { return "it ran on engine \(a.engine), this is \(b.engine)" }
        return "its number of steps differs"
    }
}
