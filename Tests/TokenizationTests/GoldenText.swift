import Foundation
import Tokenization
import XCTest

/// The text generator of scripts/golden/tokenizer_text.py, and access to the golden files.
enum GoldenText {
    static func file(_ name: String) throws -> URL {
        try XCTUnwrap(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Golden"), name)
    }

    static func lines(_ name: String) throws -> [Substring] {
        try String(contentsOf: file(name), encoding: .utf8).split(separator: "\n")
    }

    static func alphabet() throws -> [[String]] {
        try lines("alphabet.txt").map { line in
            let items = try XCTUnwrap(line.split(separator: "\t").last)
            return try items.split(separator: ",").flatMap { item in
                let ends = item.split(separator: "-")
                if ends.count == 2 {
                    return try (scalar(ends[0]).value...scalar(ends[1]).value)
                        .map { String(try XCTUnwrap(Unicode.Scalar($0))) }
                }
                var unit = String.UnicodeScalarView()
                for code in item.split(separator: "+") { unit.append(try scalar(code)) }
                return [String(unit)]
            }
        }
    }

    private static func scalar(_ hex: Substring) throws -> Unicode.Scalar {
        try XCTUnwrap(UInt32(hex, radix: 16).flatMap(Unicode.Scalar.init))
    }

    static func strings(seed: UInt64, count: Int) throws -> [String] {
        let groups = try alphabet()
        var state = seed
        func below(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(count))
        }
        return (0..<count).map { _ in
            var text = ""
            for _ in 0..<(1 + below(6)) {
                let units = groups[below(groups.count)]
                for _ in 0..<(1 + below(10)) { text += units[below(units.count)] }
                if below(2) == 1 { text += " " }
            }
            return text
        }
    }

    /// 64-bit FNV-1a over the ids of several strings, as the script computes it.
    static func hash(_ lists: some Sequence<[Int32]>) -> UInt64 {
        var value: UInt64 = 0xCBF2_9CE4_8422_2325
        for ids in lists {
            for id in ids + [-1] {
                let bits = UInt32(bitPattern: id)
                for shift in stride(from: UInt32(0), to: 32, by: 8) {
                    value = (value ^ UInt64(bits >> shift & 255)) &* 0x100_0000_01B3
                }
            }
        }
        return value
    }

    /// Where models lie on this machine, if anywhere.
    static var cache: URL {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["RESURFACE_CACHE"] { return URL(fileURLWithPath: path) }
        return FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache/resurface")
    }

    /// Files named `name` in folders of the cache whose name begins with `prefix`.
    static func cached(_ prefix: String, _ name: String) -> [URL] {
        let folders = (try? FileManager.default.contentsOfDirectory(at: cache, includingPropertiesForKeys: nil)) ?? []
        return folders.filter { $0.lastPathComponent.lowercased().hasPrefix(prefix) }
            .map { $0.appendingPathComponent(name) }
            .filter { FileManager.default.fileExists(atPath: $0.path) }
    }

    static func smollm() throws -> BPETokenizer { try BPETokenizer(tokenizerJSON: file("smollm.json")) }
    static func qwen2() throws -> BPETokenizer { try BPETokenizer(tokenizerJSON: file("qwen2.json")) }
}
