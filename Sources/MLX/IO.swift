import CMLX
import Foundation

/// Validate the header first: MLX's loader accepts malformed files and can hang on one.
public func loadArrays(url: URL) throws -> [String: MLXArray] {
    final class Found { var arrays: [String: MLXArray] = [:] }
    let found = Found()
    let failed = cmlx_load_safetensors(
        url.path,
        { context, name, handle in
            let found = Unmanaged<Found>.fromOpaque(context!).takeUnretainedValue()
            found.arrays[String(cString: name!)] = MLXArray(owning: handle!)
        }, Unmanaged.passUnretained(found).toOpaque())
    if failed != 0 { throw MLXError.last }
    return found.arrays
}

/// Writes beside the target and renames, because MLX truncates in place and leaves half a file if the disk fills up.
/// (A checkpoint also needs fsync of the file and of its folder.)
public func save(arrays: [String: MLXArray], url: URL) throws {
    let partial = url.path + ".partial.safetensors"  // MLX appends .safetensors to any other ending
    let names = arrays.keys.sorted()
    let strings = names.map { strdup($0) }
    defer { strings.forEach { free($0) } }
    let handles = names.map { Optional(arrays[$0]!.handle) }
    if cmlx_save_safetensors(partial, strings.map { UnsafePointer($0) }, handles, handles.count) != 0 {
        let error = MLXError.last
        unlink(partial)
        throw error
    }
    if rename(partial, url.path) != 0 { throw MLXError("cannot rename \(partial): \(String(cString: strerror(errno)))") }
}

public enum Memory {
    public static var active: Int { cmlx_memory(0) }
    public static var peak: Int { cmlx_memory(1) }
    public static var cache: Int { cmlx_memory(2) }
}

package var gemmCalls: Int { cmlx_gemm_calls() }
public var engineVersion: String { String(cString: cmlx_version()) }

/// MLX's ring backend: TCP between processes. Needs MLX_RANK and MLX_HOSTFILE in the environment.
public enum Ring {
    public static func initialise() throws -> (rank: Int, size: Int) {
        var rank: Int32 = 0, size: Int32 = 0
        if cmlx_ring_init(&rank, &size) != 0 { throw MLXError.last }
        return (Int(rank), Int(size))
    }
    public static func allSum(_ a: MLXArray) -> MLXArray { wrap(cmlx_ring_sum(a.handle)) }
}
