import Foundation

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A regular file mapped into memory, read only. Its size and time of change are compared before every access: a file
/// that was changed after it was opened is refused, as its header no longer describes it.
final class MappedFile: @unchecked Sendable {
    let url: URL
    let count: Int
    private let descriptor: Int32
    private let base: UnsafeRawPointer?
    private let opened: stat

    init(_ url: URL) throws {
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)  // a pipe must not make us wait
        guard descriptor >= 0 else {
            if errno == ENOENT { throw CheckpointError("no such file: \(url.path)") }
            throw FileLayer.error("cannot open", url.path, errno)
        }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_size >= 0 else {
            close(descriptor)
            throw CheckpointError("\(url.path) is not a regular file")
        }
        let size = Int(info.st_size)
        var address: UnsafeMutableRawPointer?
        if size > 0 {
            address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
            guard address != MAP_FAILED else {
                let code = errno
                close(descriptor)
                throw FileLayer.error("cannot map", url.path, code)
            }
        }
        self.url = url
        self.descriptor = descriptor
        base = UnsafeRawPointer(address)
        count = size
        opened = info
    }

    deinit {
        if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
        close(descriptor)
    }

    /// The bytes of a range; the pointer must not leave the closure.
    func withBytes<R>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
        guard range.lowerBound >= 0, range.upperBound <= count else {
            throw CheckpointError("\(url.path): bytes \(range) of a file of \(count)")
        }
        try checkUnchanged()
        guard let base else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return try body(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// Gives the pages of a range back to the system; they are read again when they are needed.
    func forget(_ range: Range<Int>) {
        guard let base, range.lowerBound >= 0, range.upperBound <= count else { return }
        let page = Int(getpagesize()), first = (range.lowerBound + page - 1) / page * page
        let end = range.upperBound / page * page
        if end > first { madvise(UnsafeMutableRawPointer(mutating: base + first), end - first, MADV_DONTNEED) }
    }

    private func checkUnchanged() throws {
        var now = stat()
        guard fstat(descriptor, &now) == 0, now.st_size == opened.st_size, seconds(now) == seconds(opened) else {
            throw CheckpointError("\(url.path) was changed while in use: start again")
        }
    }

    private func seconds(_ info: stat) -> [Int] {
        #if canImport(Darwin)
            [info.st_mtimespec.tv_sec, info.st_mtimespec.tv_nsec]
        #else
            [info.st_mtim.tv_sec, info.st_mtim.tv_nsec]
        #endif
    }
}

/// Part of a mapped file, for as long as something lies over it: then its pages are given back.
final class MappedRange: Sendable {
    private let file: MappedFile
    private let range: Range<Int>
    init(_ file: MappedFile, _ range: Range<Int>) {
        self.file = file
        self.range = range
    }
    deinit { file.forget(range) }
}
