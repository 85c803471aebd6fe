import Checkpoints
import Foundation
import MLX
import TestSupport
import XCTest

final class SafetensorsTests: XCTestCase {
    private func every() throws -> [(name: String, array: MLXArray)] {
        func raw(_ bytes: [UInt8], _ shape: [Int], _ type: DType) throws -> MLXArray {
            try bytes.withUnsafeBytes { try MLXArray(rawBytes: $0, shape: shape, dtype: type) }
        }
        return [
            ("z.f32", try raw(Array(Made.floats), [2, 2], .float32)),
            ("a.bf16", try raw([0x80, 0x3f, 0x00, 0xc0, 0xff, 0x7f], [3], .bfloat16)),  // 1, -2, a NaN
            ("f16", try raw([0x00, 0x3c, 0x01, 0x00], [2, 1], .float16)),
            ("i32", try raw([1, 0, 0, 0x80], [1], .int32)), ("u32", try raw([255, 255, 255, 255], [1], .uint32)),
            ("bool", try raw([1, 0, 1], [3], .bool)), ("i64", try raw([0, 0, 0, 0, 1, 0, 0, 0x80], [1], .int64)),
            ("u8", try raw([0, 255], [2], .uint8)), ("scalar", try raw([0, 0, 0x80, 0x3f], [], .float32)),
            ("empty", try raw([], [0, 7], .float32)),
            ("with \"quote\" \u{e9}", try raw([7, 0, 0, 0], [1], .int32)),
        ]
    }

    func testEveryTypeComesBackBitForBit() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("a.safetensors")
            let arrays = try every()
            try Safetensors.write(arrays, metadata: ["format": "pt", "note": "\u{1}\"\\"], to: url)
            let file = try SafetensorsFile(url)
            XCTAssertEqual(file.names, arrays.map(\.name).sorted())
            XCTAssertEqual(file.metadata, ["format": "pt", "note": "\u{1}\"\\"])
            for (name, array) in arrays {
                let back = try file.array(name)
                XCTAssertEqual(try file.info(name).shape, array.shape, name)
                XCTAssertEqual(back.dtype, array.dtype, name)
                XCTAssertEqual(back.shape, array.shape, name)
                XCTAssertEqual(try back.rawData(), try array.rawData(), name)
            }
            XCTAssertEqual(try FileManager.default.contentsOfDirectory(atPath: folder.path), ["a.safetensors"])
        }
    }

    func testBytesDependOnTheContentsOnly() throws {
        try withTemporaryFolder { folder in
            let urls = ["a", "b"].map { folder.appendingPathComponent($0) }
            try Safetensors.write(try every(), metadata: ["x": "1", "y": "2"], to: urls[0])
            try Safetensors.write(try every().reversed(), metadata: ["y": "2", "x": "1"], to: urls[1])
            XCTAssertEqual(try Data(contentsOf: urls[0]), try Data(contentsOf: urls[1]))
            XCTAssertEqual(try Checksum.sha256(file: urls[0]), Checksum.sha256(try Data(contentsOf: urls[1])))
        }
    }

    func testTheExactBytesOfATransposedArray() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("a.safetensors")
            try Safetensors.write(
                [("w", MLXArray([1, 2, 3, 4, 5, 6] as [Float], [3, 2]).transposed(axes: [1, 0]))], to: url)
            let header = "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}"
            let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
            let values: Data = [Float(1), 3, 5, 2, 4, 6].reduce(Data()) { $0 + $1.bitPattern.little }
            XCTAssertEqual(try Data(contentsOf: url), Made.safetensors(padded, data: values))
        }
    }

    func testRefusesNamesTwiceAndTypesWithoutArrays() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("a.safetensors")
            refused("a name twice") { try Safetensors.write([("x", MLXArray(1)), ("x", MLXArray(2))], to: url) }
            XCTAssertFalse(FileManager.default.fileExists(atPath: url.path))
            let header = "{\"x\":\(Made.entry("F64", "[1]", "0", "8"))}"
            try Made.safetensors(header, data: Data(repeating: 0, count: 8)).write(to: url)
            let file = try SafetensorsFile(url)
            XCTAssertEqual(try file.info("x").type, .f64)
            XCTAssertTrue(refused { try file.array("x") }.contains("F64"))
            XCTAssertTrue(refused { try file.array("nowhere") }.contains("nowhere"))
        }
    }

    func testAFileChangedAfterOpeningIsRefused() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("a.safetensors")
            try Made.validSafetensors.write(to: url)
            let file = try SafetensorsFile(url)
            XCTAssertEqual(try file.array("x").asArray(), [1, -2, 0.5, 4])
            let handle = try FileHandle(forWritingTo: url)
            try handle.truncate(atOffset: 40)
            try handle.close()
            XCTAssertTrue(refused { try file.array("x") }.contains("changed"))
        }
    }

    func testSHA256() {
        XCTAssertEqual(
            Checksum.sha256(Data("abc".utf8)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
