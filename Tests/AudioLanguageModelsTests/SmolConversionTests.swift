import AudioLanguageModels
import Checkpoints
import Foundation
import TestSupport
import XCTest

final class SmolConversionTests: XCTestCase {
    func testRowsOfQueryAndKeyComeInHalfSplitOrder() {
        // Two heads of four rows of one column: neighbours (0,1), (2,3) become pairs (0,2), (1,3).
        XCTAssertEqual(
            SmolConversion.halfSplit([0, 1, 2, 3, 10, 11, 12, 13], heads: 2, headWidth: 4, columns: 1),
            [0, 2, 1, 3, 10, 12, 11, 13])
        XCTAssertEqual(
            SmolConversion.halfSplit([0, 1, 2, 3, 4, 5, 6, 7], heads: 1, headWidth: 4, columns: 2),
            [0, 1, 4, 5, 2, 3, 6, 7])
    }

    func testATinyModelIsConverted() throws {
        try withTemporaryFolder { folder in
            let encoder = folder.appendingPathComponent("model.bin"), text = folder.appendingPathComponent("a.gguf")
            try TinyFiles.encoder().write(to: encoder)
            try TinyFiles.languageModel().write(to: text)
            let out = folder.appendingPathComponent("out")
            var seen: [Double] = []
            try AtomicDirectory.write(to: out) {
                try SmolConversion.convert(encoder: encoder, languageModel: text, to: $0) { seen.append($0) }
            }
            try AtomicDirectory.verify(out)
            XCTAssertEqual(seen.last, 1)
            XCTAssertEqual(seen, seen.sorted())
            let model = try HFFolder(out)
            XCTAssertEqual(try model.config.string("model_type"), "resurface_smol")
            XCTAssertEqual(try model.config.int("audio_token_id", in: 0...9), 1)
            XCTAssertEqual(try model.config.object("text_config").double("rms_norm_eps", in: 0...1), 1e-5)
            XCTAssertEqual(try model.config.object("audio_config").int("encoder_layers", in: 1...9), 1)
            XCTAssertEqual(model.names.count, 2 + 9 + 7 + 15)
            XCTAssertEqual(try model.info("audio_tower.conv1.weight").shape, [2, 5, 3])
            // The stacked rows 0...5 of width 2 hold 0...11.
            XCTAssertEqual(try model.array("audio_tower.layers.0.self_attn.k_proj.weight").asArray(), [4, 5, 6, 7])
            XCTAssertEqual(try model.array("audio_tower.layers.0.self_attn.v_proj.bias").asArray(), [8, 9])
            XCTAssertFalse(model.has("audio_tower.layers.0.self_attn.k_proj.bias"))
            // Rows 0...7 of the query, each of eight columns that count on: two heads of four.
            let rows = try model.array("model.layers.0.self_attn.q_proj.weight").asArray()
            XCTAssertEqual(stride(from: 0, to: 64, by: 8).map { rows[$0] / 8 }, [0, 2, 1, 3, 4, 6, 5, 7])
            let tokenizer = try JSONFile.object(at: out.appendingPathComponent("tokenizer.json"))
            XCTAssertEqual(try tokenizer.object("model").object("vocab").int("b\"", in: 0...9), 3)
            XCTAssertEqual(try tokenizer.object("model").strings("merges"), ["a b"])
            let settings = try JSONFile.object(at: out.appendingPathComponent("tokenizer_config.json"))
            XCTAssertEqual(try settings.string("eos_token"), "<|end|>")
        }
    }

    func testTheTranscriberIsConverted() throws {
        try withTemporaryFolder { folder in
            func file(_ name: String) -> URL { folder.appendingPathComponent(name) }
            try TinyFiles.encoder(withDecoder: true).write(to: file("model.bin"))
            try Data("{}".utf8).write(to: file("tokens.json"))
            try Data(#"{"suppress_ids": [2], "suppress_ids_begin": [0, 1], "lang_ids": []}"#.utf8)
                .write(to: file("settings.json"))
            try AtomicDirectory.write(to: file("out")) {
                try TranscriberConversion.convert(
                    weights: file("model.bin"), tokenizer: file("tokens.json"), settings: file("settings.json"), to: $0)
            }
            let made = try HFFolder(file("out"))
            XCTAssertEqual(made.names.count, 7 + 15 + 4 + 24)
            XCTAssertEqual(try made.config.int("decoder_ffn_dim", in: 0...99), 8)
            XCTAssertEqual(try made.config.int("vocab_size", in: 0...99), 3)
            XCTAssertEqual(try made.info("model.encoder.conv1.weight").type, .f16)
            func values(_ name: String) throws -> [Float] { try made.array("model.decoder.layers.0.\(name)").asArray() }
            // Three matrices are stacked in the one, two in the other.
            XCTAssertEqual(try values("self_attn.v_proj.weight"), [8, 9, 10, 11])
            XCTAssertEqual(try values("encoder_attn.q_proj.weight"), [0, 1, 2, 3])
            XCTAssertEqual(try values("encoder_attn.v_proj.weight"), [4, 5, 6, 7])
            XCTAssertEqual(try values("encoder_attn.v_proj.bias"), [8, 9])
            XCTAssertFalse(made.has("model.decoder.layers.0.encoder_attn.k_proj.bias"))
            let rules = try JSONFile.object(at: file("out/generation_config.json"))
            XCTAssertEqual(try rules.ints("begin_suppress_tokens", in: 0...9), [0, 1])
            // A file of the encoder alone is none.
            try TinyFiles.encoder().write(to: file("model.bin"))
            XCTAssertThrowsError(
                try TranscriberConversion.convert(
                    weights: file("model.bin"), tokenizer: file("tokens.json"), settings: file("settings.json"),
                    to: file("out"))
            ) { XCTAssertTrue("\($0)".contains("decoder/"), "\($0)") }
        }
    }

    func testWrongFilesAreRefusedAndNothingIsLeft() throws {
        try withTemporaryFolder { folder in
            let encoder = folder.appendingPathComponent("model.bin"), text = folder.appendingPathComponent("a.gguf")
            let out = folder.appendingPathComponent("out")
            for (first, second, expected) in [
                (TinyFiles.encoder(keyBias: 1), TinyFiles.languageModel(), "bias on the keys"),
                (TinyFiles.encoder(), TinyFiles.languageModel(architecture: "gemma"), "llama"),
                (TinyFiles.encoder(), TinyFiles.languageModel(heads: 3), "heads"),
                (TinyFiles.encoder(), TinyFiles.languageModel().dropLast(40), "a.gguf"),
            ] {
                try first.write(to: encoder)
                try second.write(to: text)
                XCTAssertThrowsError(
                    try AtomicDirectory.write(to: out) {
                        try SmolConversion.convert(encoder: encoder, languageModel: text, to: $0)
                    }
                ) { XCTAssertTrue("\($0)".contains(expected) && $0 is CheckpointError, "\(expected): \($0)") }
            }
            XCTAssertEqual(
                try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted(), ["a.gguf", "model.bin"])
        }
    }

    func testSetupExplainsWhatIsMissing() throws {
        XCTAssertThrowsError(try Python(environment: ["PATH": "/nowhere"])) {
            XCTAssertTrue("\($0)".contains("python3 was not found"), "\($0)")
        }
        for (output, expected) in [
            ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "pinned SHA-256"),
            (
                "WARNING: Retrying after NewConnectionError('... Temporary failure in name resolution')\nERROR: no",
                "no network"
            ),
            ("OSError: [Errno 28] No space left on device", "disk is full"),
            ("ERROR: something else", "something else"),
        ] { XCTAssertTrue(Python.failure(output).description.contains(expected), output) }
    }

    func testTheCacheFolder() {
        func path(_ environment: [String: String]) -> String { ResurfaceCache.folder(environment: environment).path }
        XCTAssertEqual(path(["RESURFACE_CACHE": "/a/b", "XDG_CACHE_HOME": "/x"]), "/a/b")
        XCTAssertEqual(path(["XDG_CACHE_HOME": "/x"]), "/x/resurface")
        XCTAssertFalse(path(["XDG_CACHE_HOME": "relative"]).contains("relative"))
    }

    func testTheRealModel() throws {
        try XCTSkipUnless(SmolSetup.isReady, "the embedded model is not set up: run \"resurface setup\"")
        let model = try HFFolder(SmolSetup.folder)
        XCTAssertEqual(model.names.count, 272 + 7 + 4 * 15)
        XCTAssertEqual(try model.info("model.embed_tokens.weight").shape, [49152, 576])
        XCTAssertEqual(try model.info("audio_tower.embed_positions.weight").shape, [1500, 384])
        XCTAssertEqual(try model.config.int("audio_token_id", in: 0...49151), 16)
        XCTAssertEqual(try model.config.object("text_config").double("rope_theta", in: 1...1e9), 100_000)
        let norm = try model.array("model.norm.weight").asArray()
        XCTAssertTrue(norm.allSatisfy(\.isFinite))
    }
}
