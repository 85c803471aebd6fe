import Foundation

/// Seconds of CPU that the process has used: limits on it hold however busy the machine is.
public func cpuSeconds() -> Double {
    Double(clock()) / Double(CLOCKS_PER_SEC)
}
