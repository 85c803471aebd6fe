import Foundation

/// Progress on standard error: a line that is rewritten, with the time that remains, on a terminal; plain lines at
/// intervals elsewhere.
final class Progress {
    private static let terminal = isatty(2) == 1
    nonisolated(unsafe) private static var open = false
    private let label: String
    private let start = Date()
    private var last = Date.distantPast

    init(_ label: String) { self.label = label }

    func update(_ done: Int, of total: Int, _ detail: String = "") {
        let now = Date(), finished = done >= total
        guard finished || now.timeIntervalSince(last) > (Self.terminal ? 0.2 : 20) else { return }
        last = now
        let elapsed = now.timeIntervalSince(start)
        let left = done > 0 ? elapsed / Double(done) * Double(total - done) : 0
        let time = finished ? "in \(Self.clock(elapsed))" : done > 0 ? "\(Self.clock(left)) left" : ""
        let line = ["\(label) \(done)/\(total)", time, detail].filter { !$0.isEmpty }.joined(separator: ", ")
        if Self.terminal {
            Self.write("\r\u{1b}[K\(line)" + (finished ? "\n" : ""))
            Self.open = !finished
        } else {
            Self.write(line + "\n")
        }
    }

    static func say(_ line: String) {
        end()
        write(line + "\n")
    }
    /// Closes a line that is being rewritten.
    static func end() {
        if open { write("\n") }
        open = false
    }
    private static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
    private static func clock(_ seconds: Double) -> String {
        let s = Int(seconds.rounded())
        return s < 60 ? "\(s) s" : s < 3600 ? "\(s / 60) min \(s % 60) s" : "\(s / 3600) h \(s % 3600 / 60) min"
    }
}

// Read and written by the signal handler, hence a plain global.
nonisolated(unsafe) private var interruptions: sig_atomic_t = 0

private func handleInterruption(_ signal: Int32) {
    if interruptions != 0 { _exit(130) }
    interruptions = 1
}

/// SIGINT and SIGTERM ask the work to stop at its next safe point; a second one ends the process at once.
enum Interrupt {
    static func install() {
        for name in [SIGINT, SIGTERM] { signal(name, handleInterruption) }
        signal(SIGPIPE, SIG_IGN)
    }
    static var requested: Bool { interruptions != 0 }
    /// Ends work that was interrupted.
    static func check() throws { if requested { throw CancellationError() } }
}
