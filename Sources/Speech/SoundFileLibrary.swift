import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// libsndfile, opened at run time when a FLAC, MP3, Ogg or Opus file is first met.
///
/// Looked for in `$RESURFACE_LIBSNDFILE` (a file), `searchFolders`, the executable's folder, the executable's run path
/// (where `make setup` puts it) and under the system's own names, in this order.
public enum SoundFileLibrary {
    /// Folders to look in before the built-in places; set once at start.
    public static var searchFolders: [URL] {
        get { state.withLock { state.folders } }
        set { state.withLock { state.folders = newValue } }
    }

    /// Version text of the library that will be used, or nil when none is found: for `doctor`.
    public static var version: String? { try? functions().version }

    /// The one lock of this file: it guards the fields, and the opening of sound files, whose error text is global.
    final class State: @unchecked Sendable {
        private let lock = NSLock()
        var folders: [URL] = []
        var functions: Functions?
        func withLock<R>(_ body: () throws -> R) rethrows -> R {
            lock.lock()
            defer { lock.unlock() }
            return try body()
        }
    }
    static let state = State()

    static func functions() throws -> Functions {
        try state.withLock {
            if let loaded = state.functions { return loaded }
            let loaded = try load(folders: state.folders)
            state.functions = loaded
            return loaded
        }
    }

    #if os(macOS)
        private static let systemNames = [
            "libsndfile.1.dylib", "libsndfile.dylib", "/opt/homebrew/lib/libsndfile.dylib",
        ]
    #else
        private static let systemNames = ["libsndfile.so.1", "libsndfile.so"]
    #endif

    /// The name of the file in the pinned wheel.
    private static let wheelName: String = {
        #if arch(arm64)
            let machine = "arm64"
        #else
            let machine = "x86_64"
        #endif
        #if os(macOS)
            return "libsndfile_\(machine).dylib"
        #else
            return "libsndfile_\(machine).so"
        #endif
    }()

    private static func load(folders: [URL]) throws -> Functions {
        if let path = ProcessInfo.processInfo.environment["RESURFACE_LIBSNDFILE"], !path.isEmpty {
            guard let found = Functions(opening: path) else {
                throw SpeechError(
                    "RESURFACE_LIBSNDFILE is '\(path)', which is not a libsndfile that can be opened. Set it to the "
                        + "path of libsndfile.so.1, or unset it.")
            }
            return found
        }
        let own = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent()
        let names = [wheelName] + systemNames.filter { !$0.hasPrefix("/") }
        let inFolders = (folders + [own].compactMap { $0 }).flatMap { folder in
            names.map { folder.appendingPathComponent($0).path }
        }
        // The bare name is found through the run path of the calling executable (ELF); macOS wants it spelt out.
        #if os(macOS)
            let inRunPath = ["@rpath/" + wheelName]
        #else
            let inRunPath = [wheelName]
        #endif
        for path in inFolders + inRunPath + systemNames {
            if path.hasPrefix("/"), !FileManager.default.fileExists(atPath: path) { continue }
            if let found = Functions(opening: path) { return found }
        }
        throw SpeechError(
            "FLAC, MP3, Ogg and Opus are read through libsndfile, which was not found. Run 'make setup' (it installs "
                + "it), or set RESURFACE_LIBSNDFILE to its path, or convert the clip to WAV.")
    }
}

extension SoundFileLibrary {
    /// `SF_INFO` of sndfile.h.
    package struct Info {
        var frames: Int64 = 0
        var sampleRate: Int32 = 0
        var channels: Int32 = 0
        var format: Int32 = 0
        var sections: Int32 = 0
        var seekable: Int32 = 0
        /// C pads to 32 bytes, and the library clears them all; Swift would leave these out.
        private var padding: Int32 = 0
        init() {}
    }

    /// `SF_VIRTUAL_IO` of sndfile.h: the library reads through our own bounds-checked source.
    struct VirtualIO {
        var length: @convention(c) (UnsafeMutableRawPointer?) -> Int64
        var seek: @convention(c) (Int64, Int32, UnsafeMutableRawPointer?) -> Int64
        var read: @convention(c) (UnsafeMutableRawPointer?, Int64, UnsafeMutableRawPointer?) -> Int64
        var write: @convention(c) (UnsafeRawPointer?, Int64, UnsafeMutableRawPointer?) -> Int64
        var tell: @convention(c) (UnsafeMutableRawPointer?) -> Int64
    }

    /// The few functions used. The library stays open as long as the process.
    struct Functions: @unchecked Sendable {
        typealias Handle = OpaquePointer
        typealias Text = UnsafePointer<CChar>
        typealias Memory = UnsafeMutableRawPointer
        typealias Open = @convention(c) (_ io: Memory, _ mode: Int32, _ info: Memory, _ user: Memory?) -> Handle?
        typealias ReadFloats = @convention(c) (Handle, UnsafeMutablePointer<Float>, _ frames: Int64) -> Int64
        let open: Open
        let readFloats: ReadFloats
        let error: @convention(c) (Handle?) -> Int32
        let errorText: @convention(c) (Handle?) -> Text?
        let close: @convention(c) (Handle) -> Int32
        let version: String

        init?(opening path: String) {
            guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else { return nil }
            func symbol<F>(_ name: String, _ type: F.Type) -> F? {
                dlsym(library, name).map { unsafeBitCast($0, to: type) }
            }
            guard let open = symbol("sf_open_virtual", Open.self),
                let readFloats = symbol("sf_readf_float", ReadFloats.self),
                let error = symbol("sf_error", (@convention(c) (Handle?) -> Int32).self),
                let errorText = symbol("sf_strerror", (@convention(c) (Handle?) -> Text?).self),
                let close = symbol("sf_close", (@convention(c) (Handle) -> Int32).self),
                let version = symbol("sf_version_string", (@convention(c) () -> Text?).self)?()
            else {
                dlclose(library)
                return nil
            }
            self.open = open
            self.readFloats = readFloats
            self.error = error
            self.errorText = errorText
            self.close = close
            self.version = String(cString: version)
        }
    }
}
