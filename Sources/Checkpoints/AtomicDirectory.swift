import Foundation

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A directory that is either absent or complete: filled beside its target, every file hashed into `manifest.json`
/// (written last), everything synced, then renamed.
public enum AtomicDirectory {
    /// The manifest's name. `body` must not write a file of this name at the top.
    public static let manifestName = "manifest.json"

    /// Fills a fresh folder by `body` and puts it in place of `url`. An existing directory is an error unless `replacing`.
    public static func write(to url: URL, replacing: Bool = false, body: (URL) throws -> Void) throws {
        let parent = url.deletingLastPathComponent()
        let manager = FileManager.default
        let exists = manager.fileExists(atPath: url.path)
        if exists, !replacing {
            throw CheckpointError("\(url.path) exists already: choose another name or remove it first")
        }
        PartialName.removeAbandoned(for: url)
        let partial = PartialName.beside(url)
        do {
            try manager.createDirectory(at: parent, withIntermediateDirectories: true)
        } catch {
            throw CheckpointError("cannot create the folder \(parent.path): \(reason(error))")
        }
        if mkdir(partial.path, 0o755) != 0 { throw FileLayer.error("cannot create", url.path, errno) }
        do {
            try body(partial)
            try DirectoryManifest(describing: partial).write(to: partial)
            try syncTree(partial)
            if exists {
                try exchange(partial, url)
            } else {
                let renamed = FileLayer.retrying { FileLayer.current.rename(partial.path, url.path) }
                if renamed < 0 { throw FileLayer.error("cannot rename to", url.path, -renamed) }
            }
        } catch {
            try? manager.removeItem(at: partial)
            throw error
        }
        if exists { try? manager.removeItem(at: partial) }  // holds the old contents now
        try FileLayer.sync(path: parent.path, isFolder: true)
    }

    /// Before the work, where a folder that a user names may be replaced: it is absent, empty, or was written like this and holds
    /// nothing beside, so that nobody's files go with it.
    public static func checkReplaceable(_ url: URL) throws {
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        let other = CheckpointError("\(url.path) holds other files, which would be lost: give another folder")
        let files: [String]
        do {
            files = try DirectoryManifest.entries(of: url).filter { !$0.isFolder }.map(\.path)
        } catch { throw other }
        if files.isEmpty { return }
        let own = Set((try? DirectoryManifest(readingFrom: url))?.files.keys.map { $0 } ?? [])
        guard files.allSatisfy({ $0 == manifestName ? !own.isEmpty : own.contains($0) }) else { throw other }
    }

    /// Checks every file's presence, size and hash against the manifest, and that no other file is there.
    @discardableResult
    public static func verify(_ url: URL) throws -> DirectoryManifest {
        let manifest = try DirectoryManifest(readingFrom: url)
        try manifest.check(url) { _ in true }
        return manifest
    }

    /// The cheap check: presence and sizes of all files, hashes only of the named ones.
    @discardableResult
    public static func verifySizes(_ url: URL, hashing names: Set<String> = []) throws -> DirectoryManifest {
        let manifest = try DirectoryManifest(readingFrom: url)
        try manifest.check(url) { names.contains($0) }
        return manifest
    }

    private static func syncTree(_ folder: URL) throws {
        for entry in try DirectoryManifest.entries(of: folder) {
            try FileLayer.sync(path: folder.appendingPathComponent(entry.path).path, isFolder: entry.isFolder)
        }
        try FileLayer.sync(path: folder.path, isFolder: true)
    }

    /// Swaps two directories in one step where the file system can; else moves the old one aside first, which leaves
    /// a moment in which the target is absent.
    private static func exchange(_ new: URL, _ old: URL) throws {
        #if canImport(Darwin)
            let swapped = renamex_np(new.path, old.path, UInt32(RENAME_SWAP))
        #else
            // glibc has it since 2.28, but Swift's Glibc module does not show it. 2 is RENAME_EXCHANGE.
            typealias Rename =
                @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
            let found = dlsym(nil, "renameat2").map { unsafeBitCast($0, to: Rename.self) }
            errno = ENOSYS
            let swapped = found?(AT_FDCWD, new.path, AT_FDCWD, old.path, 2) ?? -1
        #endif
        if swapped == 0 { return }
        guard [EINVAL, ENOSYS, ENOTSUP].contains(errno) else {
            throw FileLayer.error("cannot replace", old.path, errno)
        }
        let aside = PartialName.beside(old)
        let moved = FileLayer.retrying { FileLayer.current.rename(old.path, aside.path) }
        if moved < 0 { throw FileLayer.error("cannot replace", old.path, -moved) }
        let renamed = FileLayer.retrying { FileLayer.current.rename(new.path, old.path) }
        if renamed < 0 {
            _ = FileLayer.current.rename(aside.path, old.path)
            throw FileLayer.error("cannot rename to", old.path, -renamed)
        }
        try? FileManager.default.removeItem(at: aside)
    }
}

func reason(_ error: any Error) -> String {
    (error as? CheckpointError)?.description ?? (error as NSError).localizedDescription
}
