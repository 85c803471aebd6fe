import Dispatch
import Foundation

/// Maps indices on all cores; each result depends on its index alone, so the thread count changes nothing.
package func parallelMap<T: Sendable>(_ count: Int, _ body: @Sendable (Int) throws -> T) throws -> [T] {
    let results = Results<T>(count)
    DispatchQueue.concurrentPerform(iterations: count) { i in
        let result = Result { try body(i) }
        results.set(i, result)
    }
    return try results.all()
}

/// Guarded by its lock.
private final class Results<T: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var values: [Result<T, any Error>?]
    init(_ count: Int) { values = Array(repeating: nil, count: count) }
    func set(_ i: Int, _ value: Result<T, any Error>) { lock.withLock { values[i] = value } }
    func all() throws -> [T] { try lock.withLock { try values.compactMap { try $0?.get() } } }
}
