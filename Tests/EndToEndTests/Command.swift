import Foundation
import TestSupport
import XCTest

/// The built executable, run as a user runs it, with a cache folder of its own.
struct Command {
    struct Result {
        var code: Int32, output: String, error: String
        /// By a signal, not by an exit.
        var crashed: Bool
        var json: [String: Any]? { try? JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] }
    }

    let folder: URL
    var model: URL { folder.appendingPathComponent("model", isDirectory: true) }
    var corpus: URL { folder.appendingPathComponent("corpus", isDirectory: true) }

    /// Beside the tests' own binary.
    static func executable() throws -> URL {
        final class Marker {}
        let places = [Bundle(for: Marker.self).bundleURL, URL(fileURLWithPath: CommandLine.arguments[0])]
        let found = places.map { $0.deletingLastPathComponent().appendingPathComponent("resurface") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        return try XCTUnwrap(found, "the executable resurface is not beside the tests: \(places)")
    }

    /// A started process, its output in files: a pipe nobody empties would block it.
    final class Running {
        let process = Process()
        let output: URL, error: URL

        init(_ arguments: [String], in folder: URL) throws {
            let logs = folder.appendingPathComponent("logs")
            try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
            let name = UUID().uuidString
            output = logs.appendingPathComponent("\(name).out")
            error = logs.appendingPathComponent("\(name).err")
            for url in [output, error] { try Data().write(to: url) }
            process.executableURL = try Command.executable()
            process.arguments = arguments
            process.currentDirectoryURL = folder
            process.environment = ProcessInfo.processInfo.environment.merging([
                "RESURFACE_CACHE": folder.appendingPathComponent("cache").path, "CMLX_THREADS": "2",
            ]) { $1 }
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = try FileHandle(forWritingTo: output)
            process.standardError = try FileHandle(forWritingTo: error)
            try process.run()
        }

        var errorText: String { (try? String(contentsOf: error, encoding: .utf8)) ?? "" }

        /// Until `condition` holds or the process has ended; false for the latter.
        func wait(seconds: Double = 60, until condition: () -> Bool) -> Bool {
            let end = Date().addingTimeInterval(seconds)
            while process.isRunning, Date() < end {
                if condition() { return true }
                usleep(2_000)
            }
            return false
        }

        func result(seconds: Double = 120) -> Result {
            let end = Date().addingTimeInterval(seconds)
            while process.isRunning, Date() < end { usleep(5_000) }
            if process.isRunning {
                XCTFail("the command did not end within \(seconds) s: \(process.arguments ?? [])")
                kill(process.processIdentifier, SIGKILL)
            }
            process.waitUntilExit()
            return Result(
                code: process.terminationStatus, output: (try? String(contentsOf: output, encoding: .utf8)) ?? "",
                error: errorText, crashed: process.terminationReason == .uncaughtSignal)
        }
    }

    func start(_ arguments: String...) throws -> Running { try Running(arguments, in: folder) }
    func run(_ arguments: [String]) throws -> Result { try Running(arguments, in: folder).result() }
    func run(_ arguments: String...) throws -> Result { try run(arguments) }

    /// `finetune` on layers 1-2 of the tiny model.
    func finetune(_ out: String, steps: Int = 6, _ more: [String] = []) -> [String] {
        [
            "finetune", "--model", model.path, "--corpus", corpus.path, "--layers", "1-2", "--out", out, "--steps",
            "\(steps)", "--batch-size", "4", "--micro-batch-size", "2", "--learning-rate", "0.005", "--rank", "4",
        ] + more
    }

    func path(_ name: String) -> URL { folder.appendingPathComponent(name) }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name).path) }

    /// Names of files in the making that were left below a folder.
    func leftovers(_ name: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: path(name).path)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.contains("partial") }
    }
}

/// A temporary folder with the tiny model and, where wanted, the tiny corpus.
func withCommand(corpus: Bool = true, _ body: (Command) throws -> Void) throws {
    try withTemporaryFolder { folder in
        let command = Command(folder: folder)
        try TinyModel().write(to: command.model)
        if corpus { try TinyCorpus.write(to: command.corpus) }
        try body(command)
    }
}
