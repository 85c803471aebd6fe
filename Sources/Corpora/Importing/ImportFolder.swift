import Foundation

/// Looking into the folders of a data set.
enum ImportFolder {
    /// Names of the files with one of these endings, sorted. Hidden ones, such as those an archive from a Mac leaves, are
    /// none of the data set's.
    static func names(in folder: URL, endings: Set<String>) throws -> [String] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
            throw CorpusError("\(folder.path): not a folder that can be read")
        }
        return names.filter { name in
            guard !name.hasPrefix("."), let dot = name.lastIndex(of: ".") else { return false }
            return endings.contains(name[name.index(after: dot)...].lowercased())
        }.sorted()
    }

    static func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }

    /// A path of a data set's own table, which stays inside the data set.
    static func inside(_ folder: URL, _ path: String, _ record: Record, _ field: String) throws -> URL {
        guard !path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
            throw record.wrong(field, "a path inside \(folder.path)")
        }
        return folder.appendingPathComponent(path)
    }

    /// A path that a user's own file names: absolute, or relative to `folder` and then inside it.
    static func anywhere(_ folder: URL, _ path: String, _ record: Record, _ field: String) throws -> URL {
        guard !path.contains("://"), !path.hasPrefix("data:") else {
            throw record.wrong(field, "the path of a file; nothing is fetched")
        }
        if path.hasPrefix("/") { return URL(fileURLWithPath: path) }
        guard !path.split(separator: "/").contains("..") else {
            throw record.wrong(field, "an absolute path, or one inside \(folder.path) (see --audio-folder)")
        }
        return folder.appendingPathComponent(path)
    }
}
