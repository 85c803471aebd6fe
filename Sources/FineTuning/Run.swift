import AudioLanguageModels
import Checkpoints
import Foundation
import Yams

/// A run folder: config.yaml, metrics.jsonl, checkpoints/step-N/, adapter/.
public struct Run {
    public let folder: URL
    public init(_ folder: URL) { self.folder = folder }
    var metrics: URL { folder.appendingPathComponent("metrics.jsonl") }
    private static let adapterName = "adapter"
    public var adapter: URL { folder.appendingPathComponent(Self.adapterName, isDirectory: true) }
    private var settings: URL { folder.appendingPathComponent("config.yaml") }

    /// Before the work: a run that is there already is not started anew.
    public func check(resume: Bool) throws {
        if !resume, FileManager.default.fileExists(atPath: settings.path) {
            throw FineTuningError("\(folder.path) holds a run already: give --resume to continue it, or another --out")
        }
    }

    /// Trains to the end. `resume` continues from the latest checkpoint; without it an existing run is refused.
    /// An interruption (`shouldStop`) finishes the step, writes a checkpoint and throws `CancellationError`.
    public func train(
        _ trainer: Trainer, resume: Bool, progress: (StepMetrics, Int) -> Void = { _, _ in },
        shouldStop: () -> Bool = { false }
    ) throws {
        try check(resume: resume)
        // Before anything is written: a resume with other settings is refused, and leaves the run as it was.
        var lines: [String] = []
        if resume, try trainer.resume(from: folder) {
            let old = (try? String(contentsOf: metrics, encoding: .utf8)) ?? ""
            lines = Array(old.split(separator: "\n").prefix(trainer.step).map(String.init))
        }
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw FineTuningError(
                "cannot create the run folder \(folder.path): \((error as NSError).localizedDescription)")
        }
        try AtomicFile.write(Data(trainer.config.yaml().utf8), to: settings)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        func save() throws {
            try AtomicFile.write(Data((lines.joined(separator: "\n") + "\n").utf8), to: metrics)
            try trainer.saveCheckpoint(in: folder)
        }
        while trainer.step < trainer.totalSteps {
            let step = try trainer.train()
            lines.append(String(decoding: try encoder.encode(step), as: UTF8.self))
            progress(step, trainer.totalSteps)
            let stop = shouldStop()
            if stop || step.step % trainer.config.saveEvery == 0 || step.step == trainer.totalSteps { try save() }
            if stop, step.step < trainer.totalSteps { throw CancellationError() }
        }
        try trainer.saveAdapter(in: folder)
    }

    public func readMetrics() throws -> [StepMetrics] {
        guard let text = try? String(contentsOf: metrics, encoding: .utf8) else {
            throw FineTuningError(
                "\(folder.path) has no metrics.jsonl: it is not a run folder, or its run has not saved yet")
        }
        return try text.split(separator: "\n").enumerated().map { i, line in
            do {
                return try JSONDecoder().decode(StepMetrics.self, from: Data(line.utf8))
            } catch {
                throw FineTuningError("\(metrics.path):\(i + 1): not a metrics line: \(error)")
            }
        }
    }

    public func readConfig() throws -> FineTuneConfig { try decoded(FineTuneConfig.self) }

    /// The system turn that an adapter was trained with, by the settings of its run; empty: the model's own, or the adapter is from
    /// elsewhere.
    /// - Parameter adapter: a run folder, or the adapter's inside it.
    public static func system(of adapter: URL) throws -> String {
        // All that is asked of a run that another version may have written.
        struct Known: Decodable { var system: String? }
        let adapter = adapter.standardizedFileURL
        let run = Run(adapter.lastPathComponent == adapterName ? adapter.deletingLastPathComponent() : adapter)
        guard FileManager.default.fileExists(atPath: run.settings.path) else { return "" }
        return try run.decoded(Known.self).system ?? ""
    }

    private func decoded<Settings: Decodable>(_ type: Settings.Type) throws -> Settings {
        do {
            return try YAMLDecoder().decode(type, from: String(contentsOf: settings, encoding: .utf8))
        } catch {
            throw FineTuningError("\(settings.path): not the settings of a run: \(error)")
        }
    }
}
