import Checkpoints
import Foundation

/// The identity of a model's weights.
enum ContentHash {
    /// SHA-256 over the content of files, in their order. Gigabytes take seconds to hash: what was hashed is noted in the cache
    /// folder, by path, size, inode and time of change, and not hashed again.
    static func of(_ files: [URL]) throws -> String {
        let hashes = try files.map { url -> String in
            let note = try note(url)
            if let known = try? String(contentsOf: note, encoding: .utf8), known.count == 64 { return known }
            let hash = try Checksum.sha256(file: url)
            // A note that cannot be written is no error: it saves time, nothing else.
            try? FileManager.default.createDirectory(
                at: note.deletingLastPathComponent(), withIntermediateDirectories: true)
            try? AtomicFile.write(Data(hash.utf8), to: note)
            return hash
        }
        return Checksum.sha256(Data(hashes.joined(separator: " ").utf8))
    }

    private static func note(_ url: URL) throws -> URL {
        let found = try FileManager.default.attributesOfItem(atPath: url.resolvingSymlinksInPath().path)
        let size = found[.size] as? Int ?? -1, inode = found[.systemFileNumber] as? Int ?? -1
        let time = (found[.modificationDate] as? Date)?.timeIntervalSince1970 ?? -1
        let key = Checksum.sha256(Data("\(url.path) \(size) \(inode) \(time)".utf8))
        return ResurfaceCache.folder.appendingPathComponent("hashes/\(key)")
    }
}

extension HFFolder {
    /// Of the configuration and all shards.
    func contentHash() throws -> String {
        try ContentHash.of((["config.json"] + shards).map(url.appendingPathComponent))
    }
}
