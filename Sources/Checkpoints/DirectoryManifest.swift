import Foundation

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The files of a directory with their sizes and SHA-256: `manifest.json`.
public struct DirectoryManifest: Sendable, Equatable {
    /// One file.
    public struct File: Sendable, Equatable {
        public var bytes: Int
        public var sha256: String
    }
    /// By path relative to the directory, with `/` between folders.
    public var files: [String: File]

    struct Entry {
        var path: String
        var isFolder: Bool
        var bytes: Int
    }

    /// Hashes what is there.
    init(describing folder: URL) throws {
        files = [:]
        for entry in try Self.entries(of: folder) where !entry.isFolder {
            guard entry.path != AtomicDirectory.manifestName else {
                throw CheckpointError("\(folder.path): \(entry.path) is the manifest's own name: use another")
            }
            let hash = try Checksum.sha256(file: folder.appendingPathComponent(entry.path))
            files[entry.path] = File(bytes: entry.bytes, sha256: hash)
        }
    }

    init(readingFrom folder: URL) throws {
        let url = folder.appendingPathComponent(AtomicDirectory.manifestName)
        guard FileManager.default.fileExists(atPath: folder.path) else {
            throw CheckpointError("no such folder: \(folder.path)")
        }
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw CheckpointError(
                "\(folder.path) has no \(AtomicDirectory.manifestName): it is not complete; write it again")
        }
        let object = try JSONFile.object(at: url)
        let listed = try object.object("files")
        files = [:]
        for name in listed.keys {
            guard Self.isInside(name) else {
                throw CheckpointError("\(url.path): the file name \"\(name)\" leaves the folder")
            }
            let file = try listed.object(name)
            files[name] = File(bytes: try file.int("bytes", in: 0...Int.max), sha256: try file.string("sha256"))
        }
    }

    func write(to folder: URL) throws {
        let listed = files.mapValues { JSONValue.object(["bytes": .integer($0.bytes), "sha256": .string($0.sha256)]) }
        let text = JSONValue.object(["files": .object(listed), "version": .integer(1)]).text(pretty: true)
        try AtomicFile.write(Data(text.utf8), to: folder.appendingPathComponent(AtomicDirectory.manifestName))
    }

    func check(_ folder: URL, hashing: (String) -> Bool) throws {
        let found = try Self.entries(of: folder).filter { !$0.isFolder && $0.path != AtomicDirectory.manifestName }
        let sizes = Dictionary(found.map { ($0.path, $0.bytes) }, uniquingKeysWith: { first, _ in first })
        for (name, file) in files.sorted(by: { $0.key < $1.key }) {
            let path = folder.appendingPathComponent(name)
            guard let bytes = sizes[name] else {
                throw CheckpointError("\(path.path) is missing: write the folder again")
            }
            guard bytes == file.bytes else {
                throw CheckpointError(
                    "\(path.path) has \(bytes) bytes, the manifest says \(file.bytes): it was changed")
            }
            if hashing(name) {
                let hash = try Checksum.sha256(file: path)
                if hash != file.sha256 {
                    throw CheckpointError(
                        "\(path.path) has SHA-256 \(hash), the manifest says \(file.sha256): it was changed")
                }
            }
        }
        if let stray = found.first(where: { files[$0.path] == nil }) {
            throw CheckpointError("\(folder.appendingPathComponent(stray.path).path) is not in the manifest: remove it")
        }
    }

    private static func isInside(_ name: String) -> Bool {
        !name.isEmpty && !name.utf8.contains(0)
            && name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
                !["", ".", ".."].contains($0)
            }
    }

    /// Everything below a folder, children before their folder. Links and devices are refused: a hash of what a link
    /// points to says nothing about the folder.
    static func entries(of folder: URL) throws -> [Entry] {
        var found: [Entry] = []
        func visit(_ prefix: String) throws {
            let place = prefix.isEmpty ? folder : folder.appendingPathComponent(prefix)
            let names: [String]
            do {
                names = try FileManager.default.contentsOfDirectory(atPath: place.path).sorted()
            } catch {
                throw CheckpointError("cannot list \(place.path): \(reason(error))")
            }
            for name in names {
                let path = prefix.isEmpty ? name : "\(prefix)/\(name)"
                let full = folder.appendingPathComponent(path).path
                var info = stat()
                guard lstat(full, &info) == 0 else { throw FileLayer.error("cannot look at", full, errno) }
                switch info.st_mode & S_IFMT {
                case S_IFDIR:
                    try visit(path)
                    found.append(Entry(path: path, isFolder: true, bytes: 0))
                case S_IFREG: found.append(Entry(path: path, isFolder: false, bytes: Int(info.st_size)))
                default: throw CheckpointError("\(full) is neither a file nor a folder: remove it")
                }
                guard found.count <= CheckpointLimits.manifestFiles else {
                    throw CheckpointError("\(folder.path) holds more than \(CheckpointLimits.manifestFiles) files")
                }
            }
        }
        try visit("")
        return found
    }
}
