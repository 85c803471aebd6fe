import Foundation

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The system calls that writing goes through, so that a test can let the Nth of them fail. Each returns what the call
/// returns, or minus errno.
package protocol FileOperations: Sendable {
    func openForWriting(_ path: String) -> Int32
    func openForSync(_ path: String) -> Int32
    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int
    func sync(_ descriptor: Int32) -> Int32
    func close(_ descriptor: Int32) -> Int32
    func rename(_ from: String, _ to: String) -> Int32
    func freeBytes(_ folder: String) -> Int?
}

/// The operating system itself.
package struct SystemFiles: FileOperations {
    package init() {}
    package func openForWriting(_ path: String) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        return descriptor < 0 ? -errno : descriptor
    }
    package func openForSync(_ path: String) -> Int32 {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        return descriptor < 0 ? -errno : descriptor
    }
    package func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Darwin)
            let count = Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            let count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
        return count < 0 ? -Int(errno) : count
    }
    package func sync(_ descriptor: Int32) -> Int32 { fsync(descriptor) != 0 ? -errno : 0 }
    package func close(_ descriptor: Int32) -> Int32 {
        #if canImport(Darwin)
            return Darwin.close(descriptor) != 0 ? -errno : 0
        #else
            return Glibc.close(descriptor) != 0 ? -errno : 0
        #endif
    }
    package func rename(_ from: String, _ to: String) -> Int32 {
        #if canImport(Darwin)
            return Darwin.rename(from, to) != 0 ? -errno : 0
        #else
            return Glibc.rename(from, to) != 0 ? -errno : 0
        #endif
    }
    package func freeBytes(_ folder: String) -> Int? {
        var info = statvfs()
        guard statvfs(folder, &info) == 0 else { return nil }
        let (bytes, overflow) = UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize))
        return overflow ? Int.max : Int(clamping: bytes)
    }
}

extension FileOperations {
    /// Reading is not part of what a test lets fail.
    func openForReading(_ path: String) throws -> Int32 {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw FileLayer.error("cannot open", path, errno) }
        return descriptor
    }
}

/// The file layer in use, and the calls above with retries and error texts.
package enum FileLayer {
    @TaskLocal package static var current: any FileOperations = SystemFiles()

    static func error(_ what: String, _ path: String, _ code: Int32) -> CheckpointError {
        let advice =
            switch code {
            case ENOSPC, EDQUOT: ": free space there or choose another folder"
            case EACCES, EPERM, EROFS: ": check the permissions of the folder, or choose another"
            case ENOENT: ": check the path"
            default: ""
            }
        return CheckpointError("\(what) \(path): \(String(cString: strerror(code)))\(advice)")
    }

    static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, path: String) throws -> Int {
        while true {
            #if canImport(Darwin)
                let count = Darwin.read(descriptor, buffer.baseAddress, buffer.count)
            #else
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            #endif
            if count >= 0 { return count }
            if errno != EINTR { throw error("cannot read", path, errno) }
        }
    }

    /// Repeats a call that a signal interrupted.
    static func retrying(_ call: () -> Int32) -> Int32 {
        while true {
            let result = call()
            if result != -EINTR { return result }
        }
    }

    /// Puts what a file or folder holds on the disk. Some file systems cannot do so for folders and say EINVAL.
    static func sync(path: String, isFolder: Bool) throws {
        let descriptor = retrying { current.openForSync(path) }
        if descriptor < 0 { throw error("cannot open", path, -descriptor) }
        let result = retrying { current.sync(descriptor) }
        let closed = current.close(descriptor)
        if result < 0, !(isFolder && (result == -EINVAL || result == -ENOTSUP)) {
            throw error("cannot write to the disk:", path, -result)
        }
        if closed < 0, closed != -EINTR { throw error("cannot close", path, -closed) }
    }
}
