import Checkpoints
import Foundation
import MLX
import TestSupport
import XCTest

extension XCTestCase {
    /// The text of the CheckpointError that the closure must throw.
    @discardableResult
    func refused<T>(
        _ what: String = "", file: StaticString = #filePath, line: UInt = #line, _ body: () throws -> T
    ) -> String {
        do {
            _ = try body()
            XCTFail("accepted: \(what)", file: file, line: line)
        } catch let error as CheckpointError {
            return error.description
        } catch {
            XCTFail("\(what): not a CheckpointError but \(error)", file: file, line: line)
        }
        return ""
    }
}

extension FixedWidthInteger {
    var little: Data { withUnsafeBytes(of: littleEndian) { Data($0) } }
}

/// Little-endian files put together field by field, right or wrong on purpose.
enum Made {
    static func safetensors(_ header: String, data: Data = Data(), length: UInt64? = nil) -> Data {
        (length ?? UInt64(header.utf8.count)).little + Data(header.utf8) + data
    }

    static func entry(_ type: String, _ shape: String, _ from: String, _ to: String) -> String {
        "{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(from),\(to)]}"
    }

    static func ggufText(_ text: String) -> Data { UInt64(text.utf8.count).little + Data(text.utf8) }

    static func ggufTensor(_ name: String, _ dims: [UInt64], type: UInt32, offset: UInt64) -> Data {
        dims.reduce(ggufText(name) + UInt32(dims.count).little) { $0 + $1.little } + type.little + offset.little
    }

    static func gguf(
        version: UInt32 = 3, tensors: [Data] = [], pairs: [Data] = [], data: Data = Data(),
        tensorCount: UInt64? = nil, pairCount: UInt64? = nil
    ) -> Data {
        var file = Data("GGUF".utf8) + version.little
        file += (tensorCount ?? UInt64(tensors.count)).little + (pairCount ?? UInt64(pairs.count)).little
        for part in pairs + tensors { file += part }
        file += Data(repeating: 0, count: (32 - file.count % 32) % 32)
        return file + data
    }

    static func ct2Text(_ text: String) -> Data { UInt16(text.utf8.count + 1).little + Data(text.utf8) + Data([0]) }

    static func ct2Variable(_ name: String, _ dims: [UInt32], type: UInt8, data: Data, size: UInt32? = nil) -> Data {
        dims.reduce(ct2Text(name) + Data([UInt8(dims.count)])) { $0 + $1.little } + Data([type])
            + (size ?? UInt32(data.count)).little + data
    }

    static func ct2(
        version: UInt32 = 6, variables: [Data], aliases: [Data] = [], count: UInt32? = nil, aliasCount: UInt32? = nil
    ) -> Data {
        var file = version.little + ct2Text("TestSpec") + UInt32(3).little + (count ?? UInt32(variables.count)).little
        for part in variables { file += part }
        file += (aliasCount ?? UInt32(aliases.count)).little
        for part in aliases { file += part }
        return file
    }

    static let floats: Data = [Float(1), -2, 0.5, 4].reduce(Data()) { $0 + $1.bitPattern.little }
    static let validSafetensors = safetensors(
        "{\"__metadata__\":{\"a\":\"b\"},\"x\":\(entry("F32", "[2,2]", "0", "16")),\"y\":\(entry("BF16", "[3]", "16", "22"))}",
        data: floats + Data([1, 2, 3, 4, 5, 6]))
    static let validGGUF = gguf(
        tensors: [
            ggufTensor("f", [4], type: 0, offset: 0), ggufTensor("q", [32, 2], type: 3, offset: 32),
        ],
        pairs: [
            ggufText("name") + UInt32(8).little + ggufText("tiny"), ggufText("n") + UInt32(4).little + UInt32(7).little,
            ggufText("list") + UInt32(9).little + UInt32(8).little + UInt64(2).little + ggufText("a") + ggufText("b"),
        ], data: floats + Data(repeating: 0, count: 16) + Data((0..<40).map { UInt8($0) }))
    static let validCT2 = ct2(
        variables: [
            ct2Variable("w", [2, 2], type: 0, data: floats), ct2Variable("n", [], type: 2, data: Int16(6).little),
            ct2Variable("h", [2], type: 4, data: UInt16(0x3c00).little + UInt16(0xc000).little),
        ], aliases: [ct2Text("v") + ct2Text("w")])
}
