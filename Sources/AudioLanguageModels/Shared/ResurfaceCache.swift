import Foundation

/// Where converted weights and cached features lie.
public enum ResurfaceCache {
    /// `$RESURFACE_CACHE`, else `$XDG_CACHE_HOME/resurface`, else `~/.cache/resurface` (macOS: `~/Library/Caches/resurface`).
    public static var folder: URL { folder(environment: ProcessInfo.processInfo.environment) }

    package static func folder(environment: [String: String]) -> URL {
        if let own = environment["RESURFACE_CACHE"], !own.isEmpty {
            return URL(fileURLWithPath: own, isDirectory: true)
        }
        // A relative XDG path is to be ignored, says its specification.
        if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") {
            return URL(fileURLWithPath: cache, isDirectory: true).appendingPathComponent("resurface", isDirectory: true)
        }
        let home = FileManager.default.homeDirectoryForCurrentUser
        #if os(macOS)
            return home.appendingPathComponent("Library/Caches/resurface", isDirectory: true)
        #else
            return home.appendingPathComponent(".cache/resurface", isDirectory: true)
        #endif
    }
}
