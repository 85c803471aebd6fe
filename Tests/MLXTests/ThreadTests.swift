import Foundation
import MLX
import XCTest

private final class Slot<R>: @unchecked Sendable { var result: Result<R, Error>? }

final class ThreadTests: XCTestCase {
    /// Runs `body` on a fresh thread and waits for it.
    func onNewThread<R>(_ body: @escaping @Sendable () throws -> R) throws -> R {
        let slot = Slot<R>(), done = DispatchSemaphore(value: 0)
        Thread {
            slot.result = Result { try body() }; done.signal()
        }.start()
        done.wait()
        return try slot.result!.get()
    }

    func testLazyArrayBuiltOnOneThreadIsEvaluatedOnAnother() throws {
        let lazy = try onNewThread {
            matmul(MLXArray([1, 2, 3, 4] as [Float], [2, 2]), MLXArray([0, 1, 1, 0] as [Float], [2, 2])) * 2
        }
        XCTAssertEqual(try lazy.asArray(), [4, 2, 8, 6])
        XCTAssertEqual(try onNewThread { try (lazy + 1).asArray() }, [5, 3, 9, 7])
    }

    func testLazyGradientsCrossThreads() throws {
        let x = try onNewThread { MLXArray.normal([8, 16], seed: 1) * 3 }
        let w = try onNewThread { MLXArray.normal([4, 16], seed: 2) }
        @Sendable func gradients() throws -> [MLXArray] {
            let one = MLXArray.ones([16])
            return try valueAndGrad { (x: [MLXArray]) -> MLXArray in
                Fused.linear(Fused.rmsNorm(x[0], weight: one, eps: 1e-6), x[1]).square().sum()
            }([x, w]).1
        }
        let grads = try onNewThread { try gradients() }
        let there = try onNewThread { try grads.map { try $0.asArray() } }
        XCTAssertEqual(there, try gradients().map { try $0.asArray() })
    }

    /// A thread drops what its closure captured only at its very end, after the thread-local variables of C++ are gone.
    /// Freeing an array there once wrote into them and spoiled the heap.
    func testArraysFreedAtTheEndOfTheirThreads() throws {
        final class Probe { weak var array: MLXArray? }
        // Not inline: here the last reference outside the thread ends.
        @inline(never) func start(after go: DispatchSemaphore, then done: DispatchSemaphore) -> Probe {
            let array = MLXArray.normal([8, 16], seed: 1) * 3, probe = Probe(), slot = Slot<[Float]>()
            probe.array = array
            Thread {
                go.wait()
                slot.result = Result { try array.asArray() }
                done.signal()
            }.start()
            return probe
        }
        for i in 0..<50 {
            let go = DispatchSemaphore(value: 0), done = DispatchSemaphore(value: 0)
            let probe = start(after: go, then: done)
            go.signal()
            done.wait()
            let limit = Date(timeIntervalSinceNow: 10)
            while probe.array != nil, Date() < limit { usleep(100) }
            XCTAssertNil(probe.array, "thread \(i) ended and kept its array")
            let again = try onNewThread { try (MLXArray.normal([8, 16], seed: 1) * 3).asArray() }
            XCTAssertEqual(again.count, 128)
        }
    }

    func testManyTasksAtOnce() async throws {
        let shared = MLXArray.normal([64, 64], seed: 3)
        let expected = try (matmul(shared, shared) + 5).asArray()
        try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
            for i in 0..<200 {
                group.addTask {
                    let lazy = matmul(shared, shared)
                    await Task.yield()  // the task may go on on another thread
                    let (value, grads) = try valueAndGrad { (x: [MLXArray]) in x[0].square().sum() }([
                        MLXArray(Float(i))
                    ])
                    await Task.yield()
                    XCTAssertEqual(try value.item(), Float(i * i))
                    XCTAssertEqual(try grads[0].item(), Float(2 * i))
                    return (i, try (lazy + Float(i)).asArray())
                }
            }
            for try await (i, values) in group where i == 5 { XCTAssertEqual(values, expected) }
        }
    }

    /// A thread that a small pool left out may wake up late, when the pool is large again and the job's closure is gone.
    func testPoolThatShrinksAndGrowsBetweenJobs() throws {
        let threads = Device.threads
        defer { try? Device.setThreads(threads) }
        let x = MLXArray.normal([64, 512], seed: 4), weight = MLXArray.ones([512])
        try eval(x, weight)
        let expected = try Fused.rmsNorm(x, weight: weight, eps: 1e-6).asArray()
        for i in 0..<400 {
            try Device.setThreads(2)
            let few = Fused.rmsNorm(x, weight: weight, eps: 1e-6)
            try eval(few)
            try Device.setThreads(7)
            usleep(UInt32(i % 4) * 20)
            XCTAssertEqual(try few.asArray(), expected)
        }
    }
}
