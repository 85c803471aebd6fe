import Foundation
import MLX

/// What this process has needed so far.
enum ProcessMemory {
    /// The most that was resident, pages of weight files included.
    static var peak: Int {
        var usage = rusage()
        #if os(macOS)
            getrusage(RUSAGE_SELF, &usage)
            return Int(usage.ru_maxrss)  // bytes there, KiB elsewhere
        #else
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return Int(usage.ru_maxrss) << 10
        #endif
    }

    static var line: String {
        String(format: "peak memory %.2f GB, of which arrays %.2f GB", Double(peak) / 1e9, Double(Memory.peak) / 1e9)
    }
}
