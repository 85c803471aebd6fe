import CMLX

/// Where arrays live and which code computes them. One device for the whole process.
public enum Device: String, Sendable, CaseIterable {
    case cpu, gpu

    public static var current: Device { cmlx_device() == 0 ? .cpu : .gpu }

    /// To be called before the first array is made. Throws where the engine has no such device.
    public static func use(_ device: Device) throws {
        if cmlx_set_device(device == .cpu ? 0 : 1) != 0 { throw MLXError.last }
    }

    /// Threads of the one pool; starts as `CMLX_THREADS`, else as the CPUs that the process may use. Results depend on
    /// it (where sums are cut), never on timing.
    public static var threads: Int { Int(cmlx_threads()) }
    public static func setThreads(_ n: Int) throws {
        if cmlx_set_threads(Int32(clamping: n)) != 0 { throw MLXError.last }
    }

    /// MLX's own operations in place of our kernels: on a GPU, on a CPU without their instructions, or by `CMLX_PLAIN=1`.
    public static var plain: Bool { cmlx_plain() }
    public static func setPlain(_ on: Bool) { cmlx_set_plain(on) }

    /// What this CPU lacks for the kernels ("AVX2", ...), or nil.
    public static var missingInstructions: String? {
        let name = String(cString: cmlx_missing_instructions())
        return name.isEmpty ? nil : name
    }
}

public enum Memory {
    public static var active: Int { cmlx_memory(0) }
    public static var peak: Int { cmlx_memory(1) }
    public static var cache: Int { cmlx_memory(2) }
    public static func resetPeak() { cmlx_memory_reset_peak() }
    public static func clearCache() { cmlx_memory_clear_cache() }
}

/// Matrix products so far that went through our own GEMM.
package var gemmCalls: Int { cmlx_gemm_calls() }
public var engineVersion: String { String(cString: cmlx_version()) }
