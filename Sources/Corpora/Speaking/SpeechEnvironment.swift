import AudioLanguageModels
import Checkpoints
import Foundation

/// The Python environment of the speech worker, in the cache folder; needs no root.
public struct SpeechEnvironment: Sendable {
    /// Of the environment.
    public let python: URL
    public let worker: URL
    /// Of everything that decides how a clip sounds: scripts and pinned packages.
    public let scriptsHash: String

    /// Where it lies.
    public static var folder: URL { ResurfaceCache.folder.appendingPathComponent("speech", isDirectory: true) }

    private static let names = ["worker.py", "espeak.py", "endpoint.py", "voice.praat", "requirements.txt"]

    /// The environment if it is installed and of this version; nil otherwise.
    public static func installed() throws -> SpeechEnvironment? {
        let scripts = try scripts()
        let environment = try SpeechEnvironment(
            python: python(in: folder), worker: scripts.appendingPathComponent("worker.py"), scriptsHash: hash(scripts))
        guard let stamp = try? String(contentsOf: stampFile, encoding: .utf8),
            stamp == (try Checksum.sha256(file: scripts.appendingPathComponent("requirements.txt"))),
            FileManager.default.isExecutableFile(atPath: environment.python.path)
        else { return nil }
        return environment
    }

    /// Installs what is missing (some 200 MB) and returns at once where nothing is. Wheels are checked against pinned
    /// hashes. Interrupted, it starts afresh the next time.
    /// - Parameters:
    ///   - progress: what is being done, in a few words.
    ///   - shouldStop: asked all the time; then `CancellationError` is thrown.
    public static func install(
        progress: (String) -> Void = { _ in }, shouldStop: () -> Bool = { false }
    ) throws -> SpeechEnvironment {
        if let environment = try installed() { return environment }
        let requirements = try scripts().appendingPathComponent("requirements.txt")
        progress("looking for python")
        let base = try findPython(shouldStop)
        let files = FileManager.default
        do {
            if files.fileExists(atPath: folder.path) { try files.removeItem(at: folder) }
            try files.createDirectory(
                at: folder.deletingLastPathComponent(), withIntermediateDirectories: true)
        } catch {
            throw CorpusError("\(folder.path): cannot be prepared: \(error.localizedDescription)")
        }
        progress("making an environment")
        try run(
            base, ["-m", "venv", folder.path], what: "python3 -m venv (on Debian: apt install python3-venv)",
            shouldStop: shouldStop)
        progress("installing speech engines")
        try run(
            python(in: folder).path,
            [
                "-m", "pip", "install", "--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes",
                "-r", requirements.path,
            ], what: "pip install", shouldStop: shouldStop)
        try AtomicFile.write(Data(Checksum.sha256(file: requirements).utf8), to: stampFile)
        guard let environment = try installed() else {
            throw CorpusError("\(folder.path): installed, but not usable; remove the folder and try again")
        }
        return environment
    }

    /// The engines that are there: those of the environment, and what the machine has besides.
    public func engines() throws -> Set<SpeechEngine> {
        let worker = SpeechWorker(self)
        defer { worker.stop() }
        return try worker.engines()
    }

    private static var stampFile: URL { folder.appendingPathComponent("requirements.sha256") }
    private static func python(in folder: URL) -> URL { folder.appendingPathComponent("bin/python") }

    private static func scripts() throws -> URL {
        guard let url = Bundle.module.url(forResource: "Resources/speech", withExtension: nil) else {
            throw CorpusError("the package's speech scripts are missing beside the program; install it again")
        }
        return url
    }

    private static func hash(_ scripts: URL) throws -> String {
        let sums = try names.map { try Checksum.sha256(file: scripts.appendingPathComponent($0)) }
        return Checksum.sha256(Data(sums.joined().utf8))
    }

    /// The first python whose version the pinned wheels exist for.
    private static func findPython(_ shouldStop: () -> Bool) throws -> String {
        let own = ProcessInfo.processInfo.environment["RESURFACE_PYTHON"].map { [$0] }
        let names = own ?? ["python3", "python3.13", "python3.12", "python3.11", "python3.14"]
        let test = "import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 14) else 1)"
        for name in names {
            do {
                try run(name, ["-c", test], what: name, shouldStop: shouldStop)
                return name
            } catch is CorpusError { continue }
        }
        throw CorpusError(
            "speech needs Python 3.11 to 3.14, found none as \(names.joined(separator: ", ")); install one, or name it in "
                + "RESURFACE_PYTHON")
    }

    /// Runs a program to its end. What it says goes into the error.
    private static func run(
        _ program: String, _ arguments: [String], what: String, shouldStop: () -> Bool
    ) throws {
        let code: Int32, said: String
        do {
            (code, said) = try ChildProcess.run(
                URL(fileURLWithPath: "/usr/bin/env"), [program] + arguments, withOutput: true, shouldStop: shouldStop)
        } catch let error as CheckpointError {
            throw CorpusError("\(what): \(error)")
        }
        guard code == 0 else { throw CorpusError("\(what) failed: \(said.suffix(1_000))") }
    }
}
