import Checkpoints
import Foundation
import MLX
import TestSupport
import XCTest

final class FolderTests: XCTestCase {
    private func put(_ text: String, _ name: String, _ folder: URL) throws {
        try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }

    func testSingleFileAndShards() throws {
        try withTemporaryFolder { folder in
            try put("{\"num_hidden_layers\": 3, \"nested\": {\"eps\": 1e-5}}", "config.json", folder)
            try Safetensors.write(
                [("a", MLXArray(1)), ("b", MLXArray(2))], to: folder.appendingPathComponent("model.safetensors"))
            let single = try HFFolder(folder)
            XCTAssertEqual(single.names, ["a", "b"])
            XCTAssertEqual(single.shards, ["model.safetensors"])
            XCTAssertEqual(try single.config.int("num_hidden_layers", in: 1...1000), 3)
            XCTAssertEqual(try single.config.object("nested").double("eps", in: 0...1), 1e-5)
            try FileManager.default.removeItem(at: folder.appendingPathComponent("model.safetensors"))
            try Safetensors.write([("a", MLXArray(1))], to: folder.appendingPathComponent("m-1.safetensors"))
            try Safetensors.write([("b", MLXArray(2))], to: folder.appendingPathComponent("m-2.safetensors"))
            try put(
                "{\"metadata\":{},\"weight_map\":{\"a\":\"m-1.safetensors\",\"b\":\"m-2.safetensors\"}}",
                "model.safetensors.index.json", folder)
            let sharded = try HFFolder(folder)
            XCTAssertEqual(sharded.shards, ["m-1.safetensors", "m-2.safetensors"])
            XCTAssertEqual(try sharded.array("b").item(), 2)
        }
    }

    func testEveryMistakeIsNamed() throws {
        try withTemporaryFolder { folder in
            XCTAssertTrue(
                refused { try HFFolder(folder.appendingPathComponent("nowhere")) }.contains("no such model folder"))
            XCTAssertTrue(refused { try HFFolder(folder) }.contains("config.json"))
            try put("{}", "config.json", folder)
            XCTAssertTrue(refused { try HFFolder(folder.appendingPathComponent("config.json")) }.contains("is a file"))
            XCTAssertTrue(refused { try HFFolder(folder) }.contains("model.safetensors"))
            try Safetensors.write([("a", MLXArray(1))], to: folder.appendingPathComponent("m-1.safetensors"))
            try Safetensors.write(
                [("a", MLXArray(1)), ("b", MLXArray(1))], to: folder.appendingPathComponent("m-2.safetensors"))
            let maps: [(String, String)] = [
                ("{\"a\":\"m-3.safetensors\"}", "m-3.safetensors is missing"),
                ("{\"a\":\"../m-1.safetensors\"}", "plain name"),
                ("{\"a\":\"/etc/passwd\"}", "plain name"), ("{\"a\":\"config.json\"}", "plain name"),
                ("{\"a\":1}", "a text"), ("[]", "an object"), ("{}", "empty"),
                ("{\"a\":\"m-1.safetensors\",\"b\":\"m-2.safetensors\"}", "tensor a is in m-2.safetensors"),
                ("{\"a\":\"m-2.safetensors\"}", "tensor b is in m-2.safetensors"),
                ("{\"a\":\"m-1.safetensors\",\"c\":\"m-1.safetensors\"}", "no tensor c"),
            ]
            for (map, expected) in maps {
                try put("{\"weight_map\":\(map)}", "model.safetensors.index.json", folder)
                let text = refused(map) { try HFFolder(folder) }
                XCTAssertTrue(text.contains(expected), "\(map): \(text)")
            }
        }
    }

    func testFieldsOfTheWrongKindAreNamed() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("config.json")
            try put(
                "{\"n\":1e9,\"t\":\"x\",\"z\":null,\"b\":1,\"l\":[1,\"2\"],\"deep\":{\"k\":[]}}", "config.json", folder)
            let config = try JSONFile.object(at: url)
            for text in [
                refused { try config.int("n", in: 1...1000) }, refused { try config.int("t", in: 0...1) },
                refused { try config.double("t", in: 0...1) }, refused { try config.bool("b") },
                refused { try config.string("n") }, refused { try config.string("t", oneOf: ["a", "b"]) },
                refused { try config.ints("l", in: 0...9) }, refused { try config.strings("l") },
                refused { try config.object("t") }, refused { try config.object("deep").int("k", in: 0...1) },
                refused { try config.int("z", in: 0...1) },
            ] { XCTAssertTrue(text.contains("config.json") && text.contains("\""), text) }
            XCTAssertEqual(try config.int("z", in: 0...9, default: 4), 4)
            XCTAssertFalse(config.has("z"))
            try put(String(repeating: "[", count: 10_000), "config.json", folder)
            XCTAssertTrue(refused { try JSONFile.object(at: url) }.contains("nested"))
            refused("a folder") { try JSONFile.object(at: folder) }
        }
    }

    func testJSONTextComesBack() throws {
        let value: JSONValue = [
            "a": [1, -2.5, 1e300, true, false, nil], "b": "\u{0}\n\"\\\u{7f}\u{1f600}", "c": .object([:]), "d": [],
        ]
        for pretty in [true, false] {
            XCTAssertEqual(try JSONFile.value(of: Data(value.text(pretty: pretty).utf8), name: "x"), value)
        }
        let escapes = "{\"a\":\"\\ud83d\\ude00\\/\\b\\f\\u00e9\"}"
        XCTAssertEqual(
            try JSONFile.value(of: Data(escapes.utf8), name: "x"), ["a": "\u{1f600}/\u{8}\u{c}\u{e9}"])
    }

    func testGGUFBlocksAndMetadata() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("a.gguf")
            try Made.validGGUF.write(to: url)
            let file = try GGUFFile(url)
            XCTAssertEqual(file.metadata["name"], .string("tiny"))
            XCTAssertEqual(file.metadata["n"], .integer(7))
            XCTAssertEqual(file.metadata["list"], .strings(["a", "b"]))
            XCTAssertEqual(try file.floats("f"), [1, -2, 0.5, 4])
            XCTAssertEqual(try file.info("q").shape, [2, 32])  // the file has the fastest axis first
            let half: [Data] = [UInt16(0x3800).little, UInt16(0xbc00).little]  // 0.5 and -1
            let nibbles = Data((0..<16).map { UInt8($0 | (15 - $0) << 4) })
            let low: [Float] = (0..<16).map { Float($0) }
            let both: [Float] = low + low.reversed()
            let bytes = Data((0..<32).map { UInt8(bitPattern: Int8($0 * 8 - 128)) })
            let tiny: Data = (0..<32).reduce(Data()) { $0 + UInt16($1).little }
            let cases: [(UInt32, Data, [Float])] = [
                (3, half[0] + half[1] + nibbles, both.map { $0 * 0.5 - 1 }),
                (2, half[0] + nibbles, both.map { ($0 - 8) * 0.5 }),
                (8, half[0] + bytes, (0..<32).map { Float($0 * 8 - 128) * 0.5 }),
                (1, tiny, (0..<32).map { Float($0) * 0x1p-24 }),
            ]
            for (type, block, expected) in cases {
                try Made.gguf(tensors: [Made.ggufTensor("t", [32], type: type, offset: 0)], data: block).write(to: url)
                let file = try GGUFFile(url)
                XCTAssertEqual(try file.floats("t"), expected, "block type \(type)")
                XCTAssertEqual(try file.array("t").asArray(), expected, "block type \(type)")
            }
        }
    }

    func testCTranslate2() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("model.bin")
            try Made.validCT2.write(to: url)
            let file = try CTranslate2File(url)
            XCTAssertEqual(file.specification, "TestSpec")
            XCTAssertEqual(file.names, ["h", "n", "w"])
            XCTAssertEqual(file.aliases, ["v": "w"])
            XCTAssertEqual(try file.floats("v"), [1, -2, 0.5, 4])
            XCTAssertEqual(try file.floats("h"), [1, -2])
            XCTAssertEqual(try file.integer("n"), 6)
            XCTAssertEqual(try file.array("h").dtype, .float16)
            refused { try file.integer("w") }
            refused { try file.floats("n") }
            refused { try file.array("n") }
        }
    }

    func testAdapterComesBack() throws {
        try withTemporaryFolder { folder in
            let config = PEFTAdapter.Config(
                rank: 2, alpha: 4, dropout: 0.05, targetModules: ["v_proj", "q_proj"], layers: [1, 0], baseModel: "smol"
            )
            let q = PEFTAdapter.Factors(a: .normal([2, 6], seed: 1), b: .normal([4, 2], seed: 2))
            let adapter = PEFTAdapter(config: config, modules: ["model.layers.0.self_attn.q_proj": q], baseHash: "ab12")
            try adapter.write(to: folder)
            let file = try SafetensorsFile(folder.appendingPathComponent("adapter_model.safetensors"))
            XCTAssertEqual(
                file.names,
                ["A", "B"].map { "base_model.model.model.layers.0.self_attn.q_proj.lora_\($0).weight" })
            let json = try JSONFile.object(at: folder.appendingPathComponent("adapter_config.json"))
            XCTAssertEqual(try json.string("task_type"), "CAUSAL_LM")
            XCTAssertEqual(try json.ints("layers_to_transform", in: 0...9), [0, 1])
            let back = try PEFTAdapter(readingFrom: folder)
            XCTAssertEqual(back.config, config)
            XCTAssertEqual(back.baseHash, "ab12")
            XCTAssertEqual(file.metadata["format"], "pt")
            XCTAssertEqual(Array(back.modules.keys), ["model.layers.0.self_attn.q_proj"])
            XCTAssertEqual(try back.modules.first?.value.b.rawData(), try q.b.rawData())
            let wrong = PEFTAdapter.Factors(a: .normal([3, 6], seed: 1), b: .normal([4, 2], seed: 2))
            refused("rank 3 for 2") { try PEFTAdapter(config: config, modules: ["m": wrong]).write(to: folder) }
            try Safetensors.write(
                [("base_model.model.m.lora_A.weight", q.a)],
                to: folder.appendingPathComponent("adapter_model.safetensors"))
            XCTAssertTrue(refused { try PEFTAdapter(readingFrom: folder) }.contains("one LoRA factor"))
        }
    }

    /// A folder with an adapter over it is that of the adapted model, whichever way a tensor is read.
    func testAnAdapterIsWorkedIn() throws {
        try withTemporaryFolder { root in
            let folder = root.appendingPathComponent("model", isDirectory: true)
            let copy = root.appendingPathComponent("copy", isDirectory: true)
            for made in [folder, copy] {
                try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
            }
            try put("{}", "config.json", folder)
            let plain = MLXArray((0..<6).map { Float($0) / 4 }, [2, 3])
            try Safetensors.write(
                [("m.x.weight", plain.asType(.float16)), ("m.y.weight", plain)],
                to: folder.appendingPathComponent("model.safetensors"))
            let a = MLXArray([1, 0, -1] as [Float], [1, 3]), b = MLXArray([2, 4] as [Float], [2, 1])
            func adapter(_ module: String) -> PEFTAdapter {
                PEFTAdapter(
                    config: .init(rank: 1, alpha: 0.5, targetModules: ["x"], baseModel: "m"),
                    modules: [module: .init(a: a.asType(.float16), b: b)])
            }
            let other = root.appendingPathComponent("elsewhere.bin")
            try Data([7]).write(to: other)
            let adapted = try HFFolder(folder, adapter: adapter("m.x"), companions: ["own.bin": other])
            let expected: [Float] = [1, 0.25, -0.5, 2.75, 1, -0.75]  // + .5 b a
            for array in [try adapted.array("m.x.weight"), try adapted.mapped("m.x.weight")] {
                XCTAssertEqual(array.dtype, .float16)
                XCTAssertEqual(try array.asType(.float32).asArray(), expected)
            }
            XCTAssertEqual(
                try adapted.data("m.x.weight"), try MLXArray(expected, [2, 3]).asType(.float16).rawData())
            XCTAssertEqual(try adapted.array("m.y.weight").asArray(), try plain.asArray())
            try FileManager.default.removeItem(at: other)
            try Data([8]).write(to: other)
            try adapted.copyOthers(to: copy)
            XCTAssertEqual(try Data(contentsOf: copy.appendingPathComponent("own.bin")), Data([8]))

            // The same weights in other layouts stay behind; links inside folders are followed, as a hub's cache has them.
            for name in ["consolidated.safetensors", "pytorch_model.bin", "x.pth"] {
                try Data([1]).write(to: folder.appendingPathComponent(name))
            }
            let inner = folder.appendingPathComponent("part", isDirectory: true)
            try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                at: inner.appendingPathComponent("weights.bin"), withDestinationURL: other)
            let second = root.appendingPathComponent("second", isDirectory: true)
            try FileManager.default.createDirectory(at: second, withIntermediateDirectories: true)
            try adapted.copyOthers(to: second)
            XCTAssertEqual(
                try FileManager.default.contentsOfDirectory(atPath: second.path).sorted(),
                ["config.json", "own.bin", "part"])
            let copied = second.appendingPathComponent("part/weights.bin")
            XCTAssertEqual(try Data(contentsOf: copied), Data([8]))
            XCTAssertThrowsError(try FileManager.default.destinationOfSymbolicLink(atPath: copied.path))
            try FileManager.default.createSymbolicLink(
                at: inner.appendingPathComponent("circle"), withDestinationURL: folder)
            let third = root.appendingPathComponent("third", isDirectory: true)
            try FileManager.default.createDirectory(at: third, withIntermediateDirectories: true)
            XCTAssertTrue(refused { try adapted.copyOthers(to: third) }.contains("in a circle"))

            XCTAssertTrue(refused { try HFFolder(folder, adapter: adapter("m.z")) }.contains("m.z"))
            try Safetensors.write(
                [("m.x.weight", plain.T), ("m.y.weight", plain)], to: folder.appendingPathComponent("model.safetensors")
            )
            XCTAssertTrue(refused { try HFFolder(folder, adapter: adapter("m.x")) }.contains("[2, 3]"))
        }
    }
}
