import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Bytes of a file or of memory, read at any place in pieces, so that a parser never holds a whole hostile file.
package final class ByteSource {
    private enum Storage {
        case memory([UInt8])
        case descriptor(Int32)
    }
    private let storage: Storage
    /// Real number of bytes, when opened.
    package let count: Int
    /// What error texts call it.
    package let name: String

    package init(bytes: [UInt8], name: String) {
        storage = .memory(bytes)
        count = bytes.count
        self.name = name
    }

    /// Opens a regular file. Throws `SpeechError` for a missing or unreadable one, a folder, a pipe, a device.
    package init(file url: URL) throws {
        guard url.isFileURL else {
            throw SpeechError("\(url.absoluteString): not a file. Give the path of an audio file.")
        }
        name = url.path
        // Non-blocking, or opening a pipe that nobody writes to would hang.
        let descriptor = open(url.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            let reason = String(cString: strerror(errno))
            throw SpeechError("\(url.path): cannot be opened (\(reason)). Check the path and its permissions.")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw SpeechError("\(url.path): not a regular file. Give the path of an audio file.")
        }
        storage = .descriptor(descriptor)
        count = Int(status.st_size)
    }

    deinit {
        if case .descriptor(let descriptor) = storage { close(descriptor) }
    }

    /// Fills `buffer` from `offset` on; returns how many bytes there were, fewer at the end or on a read error.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        guard offset >= 0, offset < count, let base = buffer.baseAddress else { return 0 }
        let wanted = min(buffer.count, count - offset)
        switch storage {
        case .memory(let bytes):
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + wanted]))
            }
            return wanted
        case .descriptor(let descriptor):
            var done = 0
            while done < wanted {
                let got = pread(descriptor, base + done, wanted - done, off_t(offset + done))
                if got < 0 && errno == EINTR { continue }
                if got <= 0 { break }
                done += got
            }
            return done
        }
    }

    /// `length` bytes at `offset`, or fewer if there are no more.
    package func bytes(at offset: Int, length: Int) -> [UInt8] {
        guard offset >= 0, offset < count else { return [] }
        let wanted = min(length, count - offset)
        return [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            filled = read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
    }
}
