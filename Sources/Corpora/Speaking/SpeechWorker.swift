import Checkpoints
import Foundation

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// One worker process: jobs in, answers out, one at a time. For one thread.
package final class SpeechWorker {
    package struct Answer: Sendable, Equatable {
        package var seconds: Double
        /// Median f0 of the clip in Hz; 0 where nothing is voiced.
        package var f0: Double
    }

    private let environment: SpeechEnvironment
    private var process: Process?
    private var input: FileHandle?
    private var output: FileHandle?
    private var pending = Data()
    /// A clip takes a tenth of a second, the first of an engine a few seconds.
    private let timeoutSeconds: Int

    package init(_ environment: SpeechEnvironment, timeoutSeconds: Int = 120) {
        self.environment = environment
        self.timeoutSeconds = timeoutSeconds
    }

    deinit { stop() }

    /// Speaks one clip into a file. Throws `CorpusError` where the worker cannot; it is started anew after a failure
    /// of its process.
    package func speak(_ job: SpeechJob, to url: URL) throws -> Answer {
        let answer = try answer(to: job.line(out: url))
        return Answer(
            seconds: try answer.double("seconds", in: 0...3_600), f0: try answer.double("f0", in: 0...10_000))
    }

    /// The engines that the worker finds on this machine; `endpoint` is asked for by address and never among them.
    package func engines() throws -> Set<SpeechEngine> {
        Set(try answer(to: "{\"probe\": true}").strings("engines").compactMap(SpeechEngine.init))
    }

    private func answer(to line: String) throws -> JSONObject {
        try start()
        do {
            // A dead worker must give an error, not end this process.
            signal(SIGPIPE, SIG_IGN)
            try input?.write(contentsOf: Data((line + "\n").utf8))
        } catch {
            stop()
            throw CorpusError("the speech worker ended: \(error.localizedDescription)")
        }
        let said = try readLine()
        guard case .object(let fields)? = try? JSONFile.value(of: said, name: "speech worker") else {
            stop()
            throw CorpusError("the speech worker answered \(String(decoding: said.prefix(200), as: UTF8.self))")
        }
        let answer = JSONObject(fields, place: "the speech worker")
        guard (try? answer.bool("ok")) == true else {
            throw CorpusError((try? answer.string("error")) ?? "the speech worker gave no reason")
        }
        return answer
    }

    /// Ends the process: its input closes, whereupon it clears up and goes; one that does not is told to.
    package func stop(patience: TimeInterval = 2) {
        try? input?.close()
        let end = Date().addingTimeInterval(patience)
        while let process, process.isRunning, Date() < end { Thread.sleep(forTimeInterval: 0.01) }
        if let process, process.isRunning { process.terminate() }
        process?.waitUntilExit()
        (process, input, output) = (nil, nil, nil)
        pending = Data()
    }

    /// An endpoint of this machine is spoken to in the clear: what goes there must not pass a proxy.
    private static func environment(_ inherited: [String: String]) -> [String: String] {
        var changed = inherited
        for name in ["no_proxy", "NO_PROXY"] {
            let known = inherited[name] ?? inherited["no_proxy"] ?? inherited["NO_PROXY"]
            // No proxy at all; in a list it would mean nothing.
            if known?.trimmingCharacters(in: .whitespaces) == "*" { continue }
            changed[name] = ([known] + ["localhost", "127.0.0.1", "::1"]).compactMap { $0 }.joined(separator: ",")
        }
        return changed
    }

    private func start() throws {
        if let process, process.isRunning { return }
        stop()
        let process = Process()
        let (toWorker, fromWorker) = (Pipe(), Pipe())
        process.executableURL = environment.python
        process.arguments = ["-B", environment.worker.path]
        process.environment = Self.environment(ProcessInfo.processInfo.environment)
        process.standardInput = toWorker
        process.standardOutput = fromWorker
        process.standardError = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            throw CorpusError("\(environment.python.path): cannot be started: \(error.localizedDescription)")
        }
        self.process = process
        input = toWorker.fileHandleForWriting
        output = fromWorker.fileHandleForReading
    }

    private func readLine() throws -> Data {
        guard let output else { throw CorpusError("the speech worker is not running") }
        let end = Date().addingTimeInterval(Double(timeoutSeconds))
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            if let newline = pending.firstIndex(of: 0x0a) {
                let line = Data(pending[..<newline])
                pending = Data(pending[(newline + 1)...])
                return line
            }
            var descriptor = pollfd(fd: output.fileDescriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&descriptor, 1, 500)
            if ready < 0, errno == EINTR { continue }
            if ready == 0 {
                guard Date() < end else {
                    stop(patience: 0)
                    throw CorpusError("the speech worker gave no answer for \(timeoutSeconds) s")
                }
                continue
            }
            let count = read(output.fileDescriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                stop()
                throw CorpusError("the speech worker ended without an answer")
            }
            pending.append(contentsOf: buffer[..<count])
        }
    }
}
