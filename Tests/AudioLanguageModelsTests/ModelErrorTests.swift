import AudioLanguageModels
import Checkpoints
import Foundation
import MLX
import TestSupport
import Tokenization
import XCTest

/// Folders that are wrong: the error names file and field, and is one that means "the input is wrong".
final class ModelErrorTests: XCTestCase {
    private func assertRefused(
        _ words: String..., file: StaticString = #filePath, line: UInt = #line, change: (inout TinyModel) -> Void
    ) throws {
        try withTemporaryFolder { folder in
            var tiny = TinyModel()
            change(&tiny)
            try tiny.write(to: folder)
            XCTAssertThrowsError(try ModelRegistry.load(folder.path), file: file, line: line) { error in
                XCTAssertTrue(
                    error is ModelError || error is CheckpointError || error is TokenizationError,
                    "\(type(of: error)): \(error)", file: file, line: line)
                for word in words {
                    XCTAssertTrue("\(error)".contains(word), "\(word): \(error)", file: file, line: line)
                }
            }
        }
    }

    func testTheRightFolderIsTaken() throws {
        try withTemporaryFolder { folder in
            try TinyModel().write(to: folder)
            XCTAssertNoThrow(try ModelRegistry.load(folder.path))
        }
    }

    func testMissingTensor() throws {
        try assertRefused("model.layers.2.mlp.up_proj.weight", "missing") {
            $0.tensors["model.layers.2.mlp.up_proj.weight"] = nil
        }
        try assertRefused("audio_tower.layers.1.fc2.bias", "missing") {
            $0.tensors["audio_tower.layers.1.fc2.bias"] = nil
        }
    }

    func testWrongShapes() throws {
        try assertRefused("model.layers.0.self_attn.k_proj.weight", "[32, 32]", "[16, 32]") {
            $0.tensors["model.layers.0.self_attn.k_proj.weight"] = .zeros([32, 32])
        }
        try assertRefused("audio_tower.conv1.weight", "[16, 80, 5]") {
            $0.tensors["audio_tower.conv1.weight"] = .zeros([16, 80, 5])
        }
        try assertRefused("model.norm.weight") { $0.tensors["model.norm.weight"] = .zeros([1, 32]) }
    }

    func testMissingToken() throws {
        try assertRefused("tokenizer.json", "<empty_output>") { $0.specials[3] = "<other>" }
        try assertRefused("tokenizer.json", "<|im_end|>") { $0.specials[2] = "<other>" }
    }

    func testAbsurdNumbers() throws {
        for (field, value) in [
            ("hidden_size", 1 << 40), ("hidden_size", 0), ("hidden_size", -32), ("num_hidden_layers", 1_000_000),
            ("num_attention_heads", 0), ("num_key_value_heads", 9), ("vocab_size", Int.max), ("head_dim", 100_000),
            ("intermediate_size", -1),
        ] as [(String, Int)] {
            try assertRefused("config.json", field) { $0.textConfig[field] = .integer(value) }
        }
        for (field, value) in [
            ("d_model", 17), ("num_mel_bins", 100), ("encoder_layers", 0), ("max_source_positions", 1 << 50),
        ] {
            try assertRefused("config.json", field) { $0.audioConfig[field] = .integer(value) }
        }
        try assertRefused("config.json", "rope_theta") { $0.textConfig["rope_theta"] = .number(-1) }
        try assertRefused("config.json", "rms_norm_eps") { $0.textConfig["rms_norm_eps"] = "small" }
        try assertRefused("config.json", "hidden_size") { $0.textConfig["hidden_size"] = nil }
        try assertRefused("config.json", "3 key/value heads") { $0.textConfig["num_key_value_heads"] = 3 }
        try assertRefused("config.json", "head_dim is 9") { $0.textConfig["head_dim"] = 9 }
        // Ids of the tokenizer that the table lacks would read other memory.
        try assertRefused("tokenizer.json", "vocab_size is 200") {
            $0.textConfig["vocab_size"] = 200
            $0.tensors["model.embed_tokens.weight"] = .zeros([200, 32])
        }
        // Within every limit, but far more than the file holds: refused by the file, not by memory.
        try assertRefused("model.embed_tokens.weight") { $0.textConfig["vocab_size"] = 9_000_000 }
    }

    func testVoxtralConfigurationsThatDoNotFit() throws {
        func refused(_ section: String?, _ field: String, _ value: JSONValue, line: UInt = #line) throws {
            try withTemporaryFolder { folder in
                var tiny = TinyFamily(.voxtralA)
                guard case .object(var config) = tiny.config else { return XCTFail("no object", line: line) }
                if let section, case .object(var part) = config[section] {
                    part[field] = value
                    config[section] = .object(part)
                } else {
                    config[field] = value
                }
                tiny.config = .object(config)
                try tiny.write(to: folder)
                XCTAssertThrowsError(try ModelRegistry.load(folder.path), line: line) { error in
                    XCTAssertTrue(error is ModelError || error is CheckpointError, "\(error)", line: line)
                    XCTAssertTrue("\(error)".contains(field), "\(field): \(error)", line: line)
                }
            }
        }
        try refused("audio_config", "max_source_positions", 1499)
        try refused("audio_config", "max_source_positions", 50_000)
        try refused("audio_config", "max_source_positions", 1550)  // no multiple of four rows
        for size in [16, 33, 224] { try refused("audio_config", "intermediate_size", .integer(size)) }
        try refused("text_config", "mlp_bias", true)
        try refused("text_config", "attention_bias", true)
        try refused("text_config", "rope_scaling", ["rope_type": "llama3"])
        try refused(nil, "projector_hidden_act", "relu")
        try refused(nil, "audio_token_id", 8)
    }

    func testOmniConfigurationsThatDoNotFit() throws {
        for (field, value) in [("d_model", 33), ("n_window", 5_000)] {
            try withTemporaryFolder { folder in
                var tiny = TinyFamily(.omniA)
                guard case .object(var config) = tiny.config, case .object(var thinker) = config["thinker_config"],
                    case .object(var audio) = thinker["audio_config"]
                else { return XCTFail("no thinker") }
                audio[field] = .integer(value)
                if field == "d_model" { audio["encoder_attention_heads"] = 3 }
                thinker["audio_config"] = .object(audio)
                config["thinker_config"] = .object(thinker)
                tiny.config = .object(config)
                try tiny.write(to: folder)
                XCTAssertThrowsError(try ModelRegistry.load(folder.path)) {
                    XCTAssertTrue(
                        ($0 is ModelError || $0 is CheckpointError) && "\($0)".contains(field), "\(field): \($0)")
                }
            }
        }
    }

    /// A folder's weights are what they are, whatever its manifest says; and what config.json says is part of it.
    func testTheHashOfAFolderThatIsNotTheSetUps() throws {
        try withTemporaryFolder { folder in
            try TinyModel().write(to: folder)
            let first = try ModelRegistry.load(folder.path).weightsHash
            try AtomicFile.write(Data("{}".utf8), to: folder.appendingPathComponent("manifest.json"))
            XCTAssertEqual(try ModelRegistry.load(folder.path).weightsHash, first)
            var tiny = TinyModel()
            tiny.textConfig["rms_norm_eps"] = 1e-4
            try tiny.write(to: folder)
            XCTAssertNotEqual(try ModelRegistry.load(folder.path).weightsHash, first)
        }
    }

    func testUnknownFamilyAndMissingFolders() throws {
        try assertRefused("model_type", "other_model", "resurface_smol") { $0.modelType = "other_model" }
        XCTAssertThrowsError(try ModelRegistry.load("/nowhere/at/all")) {
            XCTAssertTrue($0 is ModelError && "\($0)".contains("/nowhere/at/all"), "\($0)")
        }
        try withTemporaryFolder { folder in
            XCTAssertThrowsError(try ModelRegistry.load(folder.path)) {
                XCTAssertTrue($0 is CheckpointError && "\($0)".contains("config.json"), "\($0)")
            }
            try TinyModel().write(to: folder)
            for name in ["model.safetensors", "tokenizer.json"] {
                let url = folder.appendingPathComponent(name), bytes = try Data(contentsOf: url)
                try bytes.prefix(bytes.count / 2).write(to: url)
                XCTAssertThrowsError(try ModelRegistry.load(folder.path)) {
                    XCTAssertTrue("\($0)".contains(name), "\(name) cut: \($0)")
                }
                try FileManager.default.removeItem(at: url)
                XCTAssertThrowsError(try ModelRegistry.load(folder.path)) {
                    XCTAssertTrue("\($0)".contains(name), "\(name) gone: \($0)")
                }
                try bytes.write(to: url)
            }
        }
    }

    func testDamagedProjectorsAndAdapters() throws {
        try withTemporaryFolder { folder in
            try TinyModel().write(to: folder)
            let projector = SmolProjector(encoderWidth: 16, innerWidth: 24, width: 32, tokens: [100, 101])
            projector.voiceMean = projector.voiceMean + Float.nan
            let own = folder.appendingPathComponent("projector.safetensors")
            try projector.save(to: own, metadata: [:])
            XCTAssertThrowsError(try ModelRegistry.load(folder.path)) {
                XCTAssertTrue("\($0)".contains("tensor voice_mean holds values that are not finite"), "\($0)")
            }
            let adapter = folder.appendingPathComponent("adapter", isDirectory: true)
            try FileManager.default.createDirectory(at: adapter, withIntermediateDirectories: true)
            let b = MLXArray([Float](repeating: 1, count: 31) + [.infinity], [32, 1])
            try PEFTAdapter(
                config: .init(rank: 1, alpha: 1, targetModules: ["q_proj"], baseModel: ""),
                modules: ["model.layers.0.self_attn.q_proj": .init(a: MLXArray.zeros([1, 32]), b: b)]
            ).write(to: adapter)
            XCTAssertThrowsError(try PEFTAdapter(readingFrom: adapter)) {
                XCTAssertTrue(
                    "\($0)".contains("layers.0.self_attn.q_proj.lora_B.weight holds values that are not finite"),
                    "\($0)")
            }
        }
    }

    func testProjectorsThatDoNotFit() throws {
        try withTemporaryFolder { folder in
            try TinyModel().write(to: folder)
            let url = folder.appendingPathComponent("projector.safetensors")
            let whole = try SafetensorsFile(url)
            let names = whole.names.filter { !$0.hasPrefix("spelling.") }
            try Safetensors.write(names.map { (name: $0, array: try whole.array($0)) }, metadata: [:], to: url)
            XCTAssertThrowsError(try ModelRegistry.load(folder.path)) {
                XCTAssertTrue(
                    "\($0)".contains("projector.safetensors: tensor spelling.conv1.weight is missing"), "\($0)")
            }
            for inner in [1, 5] {
                try SmolProjector(encoderWidth: 16, innerWidth: inner, width: 32, tokens: [100, 101]).save(
                    to: url, metadata: [:])
                XCTAssertThrowsError(try ModelRegistry.load(folder.path)) {
                    XCTAssertTrue($0 is ModelError && "\($0)".contains("expected an even number"), "\($0)")
                }
            }
            for (width, tokens) in [(24, [100, 101]), (32, [100, 300]), (32, [-1])] as [(Int, [Int32])] {
                try SmolProjector(encoderWidth: 16, innerWidth: 24, width: width, tokens: tokens).save(
                    to: url, metadata: [:])
                XCTAssertThrowsError(try ModelRegistry.load(folder.path)) {
                    XCTAssertTrue($0 is ModelError && "\($0)".contains("projector.safetensors"), "\($0)")
                }
            }
        }
    }
}
