import Checkpoints
import Foundation

/// Programs that are run to their end: pip, and what else Python does for a set-up.
package enum ChildProcess {
    /// Exit code, and the end of what it said. Output goes through a file: a full pipe would block the child.
    ///
    /// - Parameters:
    ///   - withOutput: standard output too, not standard error alone.
    ///   - shouldStop: asked twenty times a second; then the program is ended and `CancellationError` thrown. It has a process
    ///     group of its own, so that a terminal's Ctrl-C does not reach it.
    /// - Throws: `CheckpointError` where it cannot be started.
    package static func run(
        _ program: URL, _ arguments: [String], withOutput: Bool = false, shouldStop: () -> Bool
    ) throws -> (code: Int32, said: String) {
        let log = FileManager.default.temporaryDirectory.appendingPathComponent("resurface-\(UUID().uuidString).log")
        guard FileManager.default.createFile(atPath: log.path, contents: nil),
            let handle = FileHandle(forWritingAtPath: log.path)
        else {
            throw CheckpointError(
                "cannot write in \(log.deletingLastPathComponent().path): set TMPDIR to another folder")
        }
        defer {
            try? handle.close()
            try? FileManager.default.removeItem(at: log)
        }
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = withOutput ? handle : FileHandle.nullDevice
        process.standardError = handle
        do {
            try process.run()
        } catch {
            throw CheckpointError("cannot start \(program.path): \((error as NSError).localizedDescription)")
        }
        while process.isRunning {
            if shouldStop() {
                process.terminate()
                process.waitUntilExit()
                throw CancellationError()
            }
            Thread.sleep(forTimeInterval: 0.05)
        }
        process.waitUntilExit()
        let said = (try? Data(contentsOf: log)) ?? Data()
        return (process.terminationStatus, String(decoding: said.suffix(100_000), as: UTF8.self))
    }
}
