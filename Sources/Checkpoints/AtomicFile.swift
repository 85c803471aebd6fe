import Foundation

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Writes a file so that its name holds either the old contents or all of the new: beside the target, fsync, rename,
/// fsync of the folder. A failure removes the partial file.
public enum AtomicFile {
    /// Writes bytes that are in memory.
    public static func write(_ data: Data, to url: URL) throws {
        try write(to: url, bytes: data.count) { try $0.write(data) }
    }

    /// Writes a stream. `bytes`: the size, where known; the disk is then asked first whether 1.1 times that fits.
    public static func write(to url: URL, bytes: Int? = nil, _ body: (Writer) throws -> Void) throws {
        let folder = url.deletingLastPathComponent()
        let files = FileLayer.current
        if let bytes, let free = files.freeBytes(folder.path) {
            let (scaled, overflow) = bytes.multipliedReportingOverflow(by: CheckpointLimits.freeSpacePercent)
            let needed = overflow ? Int.max : scaled / 100
            if free < needed {
                throw CheckpointError(
                    "\(url.path): \(needed) bytes needed, \(free) free: free space there or choose another folder")
            }
        }
        PartialName.removeAbandoned(for: url)
        let partial = PartialName.beside(url)
        let descriptor = FileLayer.retrying { files.openForWriting(partial.path) }
        if descriptor < 0 { throw FileLayer.error("cannot create", url.path, -descriptor) }
        let writer = Writer(descriptor, target: url.path, total: bytes)
        do {
            do {
                try body(writer)
                try writer.flush()
                let synced = FileLayer.retrying { files.sync(descriptor) }
                if synced < 0 { throw writer.failure(-synced) }
            } catch {
                _ = files.close(descriptor)
                throw error
            }
            // Never again after EINTR: the descriptor may be someone else's by then.
            let closed = files.close(descriptor)
            if closed < 0, closed != -EINTR { throw writer.failure(-closed) }
            let renamed = FileLayer.retrying { files.rename(partial.path, url.path) }
            if renamed < 0 { throw FileLayer.error("cannot rename to", url.path, -renamed) }
        } catch {
            unlink(partial.path)
            throw error
        }
        try FileLayer.sync(path: folder.path, isFolder: true)
    }

    /// What `write(to:bytes:_:)` hands to its closure. Not to be used after the closure returns.
    public final class Writer {
        private let descriptor: Int32
        private let target: String
        private let total: Int?
        private var pending: [UInt8] = []
        /// Bytes handed over so far.
        public private(set) var count = 0

        init(_ descriptor: Int32, target: String, total: Int?) {
            self.descriptor = descriptor
            self.target = target
            self.total = total
        }

        /// Appends bytes.
        public func write(_ data: Data) throws { try data.withUnsafeBytes { try write($0) } }

        /// Appends the UTF-8 of a text.
        public func write(_ text: String) throws { try Array(text.utf8).withUnsafeBytes { try write($0) } }

        /// Appends bytes; small pieces are gathered.
        public func write(_ bytes: UnsafeRawBufferPointer) throws {
            count += bytes.count
            if bytes.count < 1 << 16 {
                pending.append(contentsOf: bytes)
                if pending.count >= 1 << 20 { try flush() }
                return
            }
            try flush()
            try send(bytes)
        }

        func flush() throws {
            try pending.withUnsafeBytes { try send($0) }
            pending.removeAll(keepingCapacity: true)
        }

        private func send(_ bytes: UnsafeRawBufferPointer) throws {
            var rest = bytes[...]
            while !rest.isEmpty {
                // The kernel writes at most 2 GiB at once; smaller pieces also keep an interrupt's delay short.
                let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(64 << 20))
                let written = FileLayer.current.write(descriptor, piece)
                if written == -Int(EINTR) { continue }
                if written < 0 { throw failure(Int32(clamping: -written)) }
                if written == 0 { throw failure(ENOSPC) }
                rest = rest.dropFirst(written)
            }
        }

        func failure(_ code: Int32) -> CheckpointError {
            let size = total.map { "all \($0) bytes" } ?? "the first \(count) bytes"
            return FileLayer.error("cannot write \(size) of", target, code)
        }
    }
}

/// Names of files and folders on their way: `.NAME.PID-N.partial`, beside the target, as rename cannot cross disks.
enum PartialName {
    private static let counter = Counter()

    static func beside(_ url: URL) -> URL {
        let name = ".\(url.lastPathComponent).\(getpid())-\(counter.next()).partial"
        return url.deletingLastPathComponent().appendingPathComponent(name)
    }

    /// Removes what killed processes left of this target.
    static func removeAbandoned(for url: URL) {
        let folder = url.deletingLastPathComponent()
        let prefix = ".\(url.lastPathComponent)."
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else { return }
        for name in names where name.hasPrefix(prefix) && name.hasSuffix(".partial") {
            let middle = name.dropFirst(prefix.count).dropLast(".partial".count).split(separator: "-")
            guard middle.count == 2, let pid = Int32(middle[0]), pid > 0, let number = Int(middle[1]) else { continue }
            // A number not given out yet: of a process that had this one's id before, as always in a container.
            if pid == getpid() ? number > counter.last : kill(pid, 0) != 0 && errno == ESRCH {
                try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
            }
        }
    }

    private final class Counter: @unchecked Sendable {
        private let lock = NSLock()
        private var value = 0
        var last: Int {
            lock.lock()
            defer { lock.unlock() }
            return value
        }
        func next() -> Int {
            lock.lock()
            defer { lock.unlock() }
            value += 1
            return value
        }
    }
}
