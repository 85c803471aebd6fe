import Checkpoints
import Foundation
import MLX
import TestSupport
import XCTest

/// Tensors over the pages of their file.
final class MappedTensorTests: XCTestCase {
    func testTheSameValuesAsACopy() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("a.safetensors"), w = MLXArray.normal([300, 40], seed: 1)
            try Safetensors.write(
                [("f32", w), ("bf16", w.asType(.bfloat16)), ("odd", MLXArray([true, false, true]))], to: url)
            var file: SafetensorsFile? = try SafetensorsFile(url)
            let mapped = try ["f32", "bf16"].map { try XCTUnwrap(file).mapped($0) }
            let copied = try ["f32", "bf16"].map { try XCTUnwrap(file).array($0) }
            XCTAssertEqual(try XCTUnwrap(file).mapped("odd").asType(.int32).asInt32Array(), [1, 0, 1])
            file = nil  // the arrays keep the file
            let x = MLXArray.normal([7, 40], seed: 2)
            for (a, b) in zip(mapped, copied) {
                XCTAssertEqual(try a.rawData(), try b.rawData())
                XCTAssertEqual(try Fused.linear(x, a).asArray(), try Fused.linear(x, b).asArray())
                // Operations that may reuse a buffer of their own leave the file's alone.
                let before = try a.asArray()
                try eval((a.asType(.float32) * 2 + a.asType(.float32)).take(MLXArray([0, 3] as [Int32])))
                XCTAssertEqual(try a.asArray(), before)
            }
            XCTAssertEqual(try SafetensorsFile(url).array("f32").rawData(), try w.rawData())
        }
    }

    func testMappedMatricesNeedNoMemory() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("a.safetensors")
            try Safetensors.write([("w", MLXArray.zeros([4096, 1024]))], to: url)
            Memory.clearCache()
            let before = Memory.active, file = try SafetensorsFile(url)
            let mapped = try file.mapped("w")
            let x = MLXArray.ones([8, 1024])
            Memory.resetPeak()
            try eval(Fused.linear(x, mapped))
            XCTAssertLessThan(Memory.peak - before, 1 << 20, "neither there nor in a product")
            let copied = try file.array("w")
            XCTAssertGreaterThanOrEqual(Memory.active - before, 16 << 20)
            withExtendedLifetime((mapped, copied)) {}
        }
    }
}
