import FineTuning
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

    /// Without the encoder, whose pages the system takes back once clips are heard.
    /// - Throws: `FineTuningError` where the machine has less than that.
    static func require(_ need: MemoryEstimate) throws {
        let there = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        guard need.training > there else { return }
        throw FineTuningError(
            String(
                format: "this needs about %.1f GB, the machine has %.1f: ", Double(need.training) / 1e9,
                Double(there) / 1e9)
                + "try --quantize 4, --micro-batch-size 1, --recompute, or fewer --layers")
    }
}
