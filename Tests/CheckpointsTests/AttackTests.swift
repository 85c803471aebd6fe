import Checkpoints
import Foundation
import MLX
import TestSupport
import XCTest

/// Malformed files: each must end in a CheckpointError, quickly, whatever it claims about itself.
final class AttackTests: XCTestCase {
    private func attack(_ cases: [(String, Data)], _ open: (URL) throws -> Void) throws {
        try withTemporaryFolder { folder in
            for (i, (name, data)) in cases.enumerated() {
                let url = folder.appendingPathComponent("case-\(i)")
                try data.write(to: url)
                let start = cpuSeconds()
                let text = refused(name) { try open(url) }
                XCTAssertLessThan(cpuSeconds() - start, 5, name)
                XCTAssertTrue(text.contains("case-\(i)"), "\(name): the error names no file: \(text)")
                XCTAssertLessThan(text.utf8.count, 1000, name)
                try FileManager.default.removeItem(at: url)
            }
        }
    }

    func testSafetensors() throws {
        let e = Made.entry
        func one(_ type: String, _ shape: String, _ from: String, _ to: String, bytes: Int) -> Data {
            Made.safetensors("{\"x\":\(e(type, shape, from, to))}", data: Data(repeating: 0, count: bytes))
        }
        func two(_ a: String, _ b: String, bytes: Int) -> Data {
            Made.safetensors("{\"x\":\(a),\"y\":\(b)}", data: Data(repeating: 0, count: bytes))
        }
        func header(_ text: String) -> Data { Made.safetensors(text) }
        let big = "18446744073709551552"
        try attack([
            ("no bytes", Data()), ("seven bytes", Data(repeating: 0, count: 7)),
            ("header of 0", Made.safetensors("")), ("header of 2^64-1", Made.safetensors("{}", length: .max)),
            ("header of 2^63", Made.safetensors("{}", length: 1 << 63)),
            ("header beyond the file", Made.safetensors("{}", length: 3)),
            ("header above the cap", Made.safetensors("{}", length: 100_000_001)),
            ("not JSON", header("hello")), ("an array", header("[]")), ("a blank before it", header(" {}")),
            ("cut off JSON", header("{\"x\":")), ("text after it", header("{}{}")), ("NUL after it", header("{}\0")),
            ("not UTF-8", UInt64(5).little + Data([0x7b, 0x22, 0xff, 0x22, 0x7d])),
            ("nested 200,000 deep", header("{\"x\":" + String(repeating: "[", count: 200_000))),
            (
                "nested objects",
                header(String(repeating: "{\"a\":", count: 20) + "1" + String(repeating: "}", count: 20))
            ),
            ("a tensor that is a number", header("{\"x\":1}")), ("a tensor that is null", header("{\"x\":null}")),
            ("no fields", header("{\"x\":{}}")), ("no offsets", header("{\"x\":{\"dtype\":\"F32\",\"shape\":[]}}")),
            ("an unknown field", header("{\"x\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0],\"z\":1}}")),
            ("unknown type", one("F33", "[1]", "0", "4", bytes: 4)),
            ("lower-case type", one("f32", "[1]", "0", "4", bytes: 4)),
            ("a type that is a number", header("{\"x\":{\"dtype\":1,\"shape\":[0],\"data_offsets\":[0,0]}}")),
            ("metadata that is a list", header("{\"__metadata__\":[]}")),
            ("metadata with a number", header("{\"__metadata__\":{\"a\":1}}")),
            ("the same key twice", header("{\"x\":\(e("F32", "[0]", "0", "0")),\"x\":\(e("F32", "[0]", "0", "0"))}")),
            (
                "the same key by an escape",
                header("{\"x\":\(e("F32", "[0]", "0", "0")),\"\\u0078\":\(e("F32", "[0]", "0", "0"))}")
            ),
            (
                "dtype twice",
                header("{\"x\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}")
            ),
            ("a lone surrogate", header("{\"\\ud800\":\(e("F32", "[0]", "0", "0"))}")),
            ("an empty name", header("{\"\":\(e("F32", "[0]", "0", "0"))}")),
            ("NUL in a name", header("{\"a\\u0000b\":\(e("F32", "[0]", "0", "0"))}")),
            ("a newline in a name", header("{\"a\\nb\":\(e("F32", "[0]", "0", "0"))}")),
            ("a raw control character", header("{\"a\u{1}\":\(e("F32", "[0]", "0", "0"))}")),
            ("[65536]^4 over no bytes", one("F32", "[65536,65536,65536,65536]", "0", "0", bytes: 0)),
            ("a product that wraps to 4", one("U8", "[4294967297,4294967297]", "0", "4", bytes: 4)),
            ("negative dimensions", one("F32", "[-1,-4]", "0", "16", bytes: 16)),
            ("shape [-4] and 2^64-16", one("F32", "[-4]", "0", "18446744073709551600", bytes: 0)),
            ("offsets that wrap", one("F32", "[4]", big, "18446744073709551568", bytes: 16)),
            ("a dimension of 2^31", one("F32", "[2147483648,0]", "0", "0", bytes: 0)),
            ("float dimension", one("F32", "[1.0]", "0", "4", bytes: 4)),
            ("text dimension", one("F32", "[\"1\"]", "0", "4", bytes: 4)),
            ("shape a number", one("F32", "1", "0", "4", bytes: 4)),
            ("rank 33", one("F32", "[\(Array(repeating: "1", count: 33).joined(separator: ","))]", "0", "4", bytes: 4)),
            ("float offsets", one("F32", "[1]", "0.0", "4.0", bytes: 4)),
            ("exponent offsets", one("F32", "[1]", "0", "4e0", bytes: 4)),
            ("leading zero", one("F32", "[01]", "0", "4", bytes: 4)),
            ("plus sign", one("F32", "[+1]", "0", "4", bytes: 4)),
            ("a number of 10,000 digits", one("F32", "[\(String(repeating: "9", count: 10_000))]", "0", "4", bytes: 4)),
            ("1e400", one("F32", "[1e400]", "0", "4", bytes: 4)), ("NaN", one("F32", "[NaN]", "0", "4", bytes: 4)),
            ("falling offsets", one("F32", "[1]", "4", "0", bytes: 4)),
            ("three offsets", header("{\"x\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0,0]}}")),
            ("offsets beyond the file", one("F32", "[2]", "0", "8", bytes: 4)),
            ("span shorter than the shape", one("F32", "[2]", "0", "4", bytes: 4)),
            ("span longer than the shape", one("F32", "[1]", "0", "8", bytes: 8)),
            ("bytes after the end", one("F32", "[1]", "0", "4", bytes: 5)),
            ("bytes without tensors", Made.safetensors("{}", data: Data([1]))),
            ("not from 0 on", one("F32", "[1]", "4", "8", bytes: 8)),
            ("a hole", two(e("F32", "[1]", "0", "4"), e("F32", "[1]", "8", "12"), bytes: 12)),
            ("overlap", two(e("F32", "[2]", "0", "8"), e("F32", "[2]", "4", "12"), bytes: 12)),
            ("the same span twice", two(e("F32", "[1]", "0", "4"), e("F32", "[1]", "0", "4"), bytes: 4)),
            ("trailing comma", header("{\"x\":\(e("F32", "[0]", "0", "0")),}")), ("single quotes", header("{'x':1}")),
        ]) { _ = try SafetensorsFile($0) }
    }

    func testBoundaryCasesThatAreRight() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("a")
            func opens(_ name: String, _ data: Data, count: Int) throws {
                try data.write(to: url)
                XCTAssertEqual(try SafetensorsFile(url).names.count, count, name)
            }
            try opens("no tensors", Made.safetensors("{}"), count: 0)
            try opens("padding", Made.safetensors("{}" + String(repeating: " ", count: 30)), count: 0)
            try opens(
                "a name like a path", Made.safetensors("{\"../x\":\(Made.entry("F32", "[0]", "0", "0"))}"), count: 1)
            try opens(
                "a header of exactly 100,000,000 bytes",
                Made.safetensors("{}" + String(repeating: " ", count: 99_999_998)), count: 0)
            let many = (0..<100_000).map { "\"t\($0)\":\(Made.entry("U8", "[1]", "\($0)", "\($0 + 1)"))" }
            let start = cpuSeconds()
            try opens(
                "100,000 tensors",
                Made.safetensors("{\(many.joined(separator: ","))}", data: Data(repeating: 0, count: 100_000)),
                count: 100_000)
            XCTAssertLessThan(cpuSeconds() - start, 20)
        }
    }

    func testGGUF() throws {
        let text = Made.ggufText
        func tensor(_ name: String, _ dims: [UInt64], type: UInt32, offset: UInt64) -> Data {
            Made.ggufTensor(name, dims, type: type, offset: offset)
        }
        func pair(_ type: UInt32, _ value: Data) -> Data { Made.gguf(pairs: [text("k") + type.little + value]) }
        func one(_ dims: [UInt64], type: UInt32 = 0, offset: UInt64 = 0, bytes: Int = 16) -> Data {
            Made.gguf(tensors: [tensor("t", dims, type: type, offset: offset)], data: Data(repeating: 0, count: bytes))
        }
        func alignment(_ value: UInt32) -> Data {
            Made.gguf(pairs: [text("general.alignment") + UInt32(4).little + value.little])
        }
        try attack([
            ("no bytes", Data()), ("wrong mark", Data("GGML".utf8) + Data(repeating: 0, count: 60)),
            ("version 1", Made.gguf(version: 1)), ("version 4", Made.gguf(version: 4)),
            ("big endian", Made.gguf(version: 3 << 24)),
            ("2^64-1 tensors", Made.gguf(tensorCount: .max)), ("2^64-1 pairs", Made.gguf(pairCount: .max)),
            ("2^40 tensors", Made.gguf(tensorCount: 1 << 40)), ("pairs beyond the file", Made.gguf(pairCount: 2)),
            ("a key of 2^64-1", Made.gguf(pairs: [UInt64.max.little + Data("k".utf8)])),
            ("a key beyond the file", Made.gguf(pairs: [UInt64(1000).little + Data("k".utf8)])),
            (
                "a key that is not UTF-8",
                Made.gguf(pairs: [UInt64(1).little + Data([0xff]) + UInt32(0).little + Data([0])])
            ),
            ("unknown value type", pair(13, Data([0]))), ("a value cut off", Made.gguf(pairs: [text("k")]).prefix(33)),
            ("bool of 2", pair(7, Data([2]))), ("array of 2^62", pair(9, UInt32(0).little + (UInt64(1) << 62).little)),
            ("array of arrays", pair(9, UInt32(9).little + UInt64(1).little)),
            ("array of an unknown type", pair(9, UInt32(77).little + UInt64(1).little)),
            ("array of strings cut off", pair(9, UInt32(8).little + UInt64(3).little + text("a"))),
            (
                "the same key twice",
                Made.gguf(pairs: Array(repeating: text("k") + UInt32(0).little + Data([1]), count: 2))
            ),
            ("alignment 0", alignment(0)), ("alignment 3", alignment(3)), ("alignment 2^31", alignment(1 << 31)),
            ("alignment a text", Made.gguf(pairs: [text("general.alignment") + UInt32(8).little + text("32")])),
            ("rank 5", one([1, 1, 1, 1, 1])), ("rank 2^32-1", Made.gguf(tensors: [text("t") + UInt32.max.little])),
            ("dimension 2^63", one([1 << 63])), ("[2^31-1]^4", one(Array(repeating: (1 << 31) - 1, count: 4))),
            ("block type 12", one([256], type: 12, bytes: 256)), ("block type 2^32-1", one([32], type: .max)),
            ("half a block", one([16], type: 3, bytes: 64)), ("offset 2^64-32", one([4], offset: .max - 31)),
            ("offset beyond the file", one([4], offset: 4096)), ("data cut off", one([32], type: 3, bytes: 19)),
            ("a tensor twice", Made.gguf(tensors: Array(repeating: tensor("t", [0], type: 0, offset: 0), count: 2))),
            (
                "overlap",
                Made.gguf(
                    tensors: [tensor("a", [4], type: 0, offset: 0), tensor("b", [4], type: 0, offset: 8)],
                    data: Data(repeating: 0, count: 32))
            ),
        ]) { _ = try GGUFFile($0) }
    }

    func testCTranslate2() throws {
        let text = Made.ct2Text, variable = Made.ct2Variable, floats = Made.floats
        func one(_ data: Data) -> Data { Made.ct2(variables: [data]) }
        let good = variable("w", [2, 2], 0, floats, nil)
        func aliases(_ list: [Data], _ count: UInt32? = nil) -> Data {
            Made.ct2(variables: [good], aliases: list, aliasCount: count)
        }
        try attack([
            ("no bytes", Data()), ("version 5", Made.ct2(version: 5, variables: [good])),
            ("2^32-1 variables", Made.ct2(variables: [good], count: .max)),
            ("one more than there are", Made.ct2(variables: [good], count: 2)),
            (
                "one less than there are",
                Made.ct2(variables: [good, variable("x", [], 0, Data(repeating: 0, count: 4), nil)], count: 1)
            ),
            ("a name of length 0", one(UInt16(0).little)), ("a name beyond the file", one(UInt16.max.little)),
            ("a name without NUL", one(UInt16(1).little + Data("w".utf8))),
            ("NUL inside a name", one(variable("a\0b", [2, 2], 0, floats, nil))),
            ("unknown type", one(variable("w", [2, 2], 6, floats, nil))),
            ("size against shape", one(variable("w", [2, 3], 0, floats, nil))),
            ("size of 2^32-1", one(variable("w", [2, 2], 0, floats, .max))),
            ("a product that wraps", one(variable("w", Array(repeating: 65536, count: 4), 0, Data(), nil))),
            ("dimension 2^32-1", one(variable("w", [.max], 1, floats, nil))),
            ("rank 255", one(text("w") + Data([255]) + Data(repeating: 1, count: 300))),
            ("the same name twice", Made.ct2(variables: [good, good])),
            ("an alias of nothing", aliases([text("v") + text("nowhere")])),
            ("an alias twice", aliases(Array(repeating: text("v") + text("w"), count: 2))),
            ("an alias of its own name", aliases([text("w") + text("w")])), ("2^32-1 aliases", aliases([], .max)),
            ("bytes after the end", aliases([]) + Data([0])), ("cut off", aliases([]).dropLast()),
        ]) { _ = try CTranslate2File($0) }
    }

    /// Flips, cuts, inserts and copies bytes of a valid file; whatever still opens must also read.
    /// 5,000 of each kind here; before a release RESURFACE_MUTATIONS=1000000 (the time limit grows with it).
    private func mutate(_ valid: Data, seed: UInt64, _ open: (URL) throws -> Void) throws {
        var random = SeededGenerator(seed: seed)
        var accepted = 0
        let rounds = ProcessInfo.processInfo.environment["RESURFACE_MUTATIONS"].flatMap { Int($0) } ?? 5000
        let start = cpuSeconds()
        let values: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, 0x22, 0x2c, 0x30, 0x5b, 0x7b]
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("mutation")
            for round in 0..<rounds {
                var bytes = [UInt8](valid)
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<6, using: &random) {
                    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 1: bytes[place] = values.randomElement(using: &random) ?? 0
                    case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                    case 3: if bytes.count > 1 { bytes.remove(at: place) }
                    case 4: for i in place..<min(place + 8, bytes.count) { bytes[i] = 0xff }
                    default: if place > 0 { bytes.removeSubrange(place...) }
                    }
                }
                try Data(bytes).write(to: url)
                do {
                    try open(url)
                    accepted += 1
                } catch is CheckpointError {
                } catch {
                    XCTFail("seed \(seed), round \(round): \(error)")
                }
            }
        }
        XCTAssertGreaterThan(accepted, 0, "no mutation was harmless: the valid file is probably not valid")
        XCTAssertLessThan(accepted, rounds * 4 / 5, "most mutations were accepted")
        XCTAssertLessThan(cpuSeconds() - start, 60 * max(1, Double(rounds) / 5000))
    }

    func testMutationsOfSafetensors() throws {
        try mutate(Made.validSafetensors, seed: 1) { url in
            let file = try SafetensorsFile(url)
            for name in file.names { _ = try file.array(name).rawData() }
        }
    }

    func testMutationsOfGGUF() throws {
        try mutate(Made.validGGUF, seed: 2) { url in
            let file = try GGUFFile(url)
            for name in file.names { XCTAssertEqual(try file.floats(name).count, try file.info(name).count) }
        }
    }

    func testMutationsOfCTranslate2() throws {
        try mutate(Made.validCT2, seed: 3) { url in
            let file = try CTranslate2File(url)
            for name in file.names where try file.info(name).type != .i16 { _ = try file.array(name).rawData() }
        }
    }
}
