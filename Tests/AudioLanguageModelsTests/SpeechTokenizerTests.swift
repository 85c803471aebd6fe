import AudioLanguageModels
import Checkpoints
import Foundation
import MLX
import Speech
import TestSupport
import XCTest

/// The speech tokenizer against reference codes and states (scripts/golden/speech_codes.py), wrong variants that must not
/// pass, and folders that are wrong.
final class SpeechTokenizerTests: XCTestCase {
    private static let samples = [4_800, 32_000, 59_200, 656_640]
    private static let segment = 480_000

    private func golden() throws -> (folder: URL, arrays: SafetensorsFile) {
        let folder = try XCTUnwrap(Bundle.module.url(forResource: "Golden", withExtension: nil))
        return (
            folder.appendingPathComponent("speech-tokenizer"),
            try SafetensorsFile(folder.appendingPathComponent("speech_codes.safetensors"))
        )
    }

    /// Clip k: the script's `waveform`, number for number. Every operation on floats is exact or rounded once.
    private func clip(_ k: Int) -> Waveform {
        func bow(_ phase: Int) -> Double {
            let x = Double(phase & 0xffff_ffff) / 2_147_483_648 - 1
            return 4 * x * (1 - Swift.abs(x))
        }
        let seed = k + 1
        let count = Self.samples[k]
        let samples = (0..<count).map { i -> Float in
            if count > Self.segment, i >= count - 100 { return (i - (count - 100)) / 8 % 2 == 0 ? 1 : -1 }
            let tone = bow(i * (48_318_382 + 9_000_000 * seed) + i * (i + 1) / 2 * 6_000)
            let swell = 0.55 + 0.45 * bow(i * 805_306)
            var h = UInt32(truncatingIfNeeded: i + 7919 * seed) &* 2_654_435_761
            h ^= h >> 15
            h &*= 2_246_822_519
            h ^= h >> 13
            let loudness: Float = i < Self.segment ? 1 : 1 / 64
            return loudness * Float(0.4 * swell * tone + 0.05 * (Double(h) / 4_294_967_296 - 0.5))
        }
        return Waveform(samples: samples, sampleRate: 16_000)
    }

    /// The largest difference, by the largest value of the reference.
    private func difference(_ a: MLXArray, _ golden: MLXArray) throws -> Float {
        guard a.shape == golden.shape else {
            XCTFail("shapes \(a.shape) and \(golden.shape)")
            return .infinity
        }
        return try MLX.abs(a - golden).max().item() / MLX.abs(golden).max().item()
    }

    /// Differences of clip k < 3 at every stage, by name.
    private func differences(_ tokenizer: SpeechTokenizer, _ k: Int) throws -> [(name: String, value: Float)] {
        let arrays = try golden().arrays, samples = clip(k).samples
        let codes = (samples.count + 1279) / 1280
        let (rows, pooled) = try tokenizer.states(of: samples, paddedTo: codes * 1280)
        let names = ["stem", "layer.0", "layer.1"]
        return try zip(names, rows).map { name, stage in
            let ours = stage.squeezed(axis: 0).slice(0..<8, axis: 1)
            return (name, try difference(ours, arrays.array("\(name).\(k)")))
        } + [("pooled", difference(pooled[0..<codes], arrays.array("pooled.\(k)")))]
    }

    // MARK: Golden values

    func testCodes() throws {
        let (folder, arrays) = try golden()
        let tokenizer = try SpeechTokenizer(folder: folder)
        XCTAssertEqual(tokenizer.samplesPerCode, 1280)
        for k in Self.samples.indices {
            let codes = try tokenizer.codes(of: clip(k))
            XCTAssertEqual(codes, try arrays.array("codes.\(k)").asInt32Array(), "clip \(k)")
        }
    }

    func testEveryStage() throws {
        let tokenizer = try SpeechTokenizer(folder: golden().folder)
        for k in 0..<3 {
            let stages = try differences(tokenizer, k)
            XCTAssertEqual(stages.count, 4)
            for (name, value) in stages {
                XCTAssertLessThan(value, 1e-4, "\(name) of clip \(k)")
            }
        }
    }

    /// The segments of a long clip are one batch in the reference: its last one is padded to 30 s, not to whole codes, so
    /// that frames of the padding count for the spectrum's maximum.
    func testTheSegmentsOfALongClip() throws {
        let (folder, arrays) = try golden()
        let tokenizer = try SpeechTokenizer(folder: folder)
        let samples = clip(3).samples
        let first = Array(samples[..<Self.segment]), second = Array(samples[Self.segment...])
        func last(_ part: [Float], paddedTo length: Int) throws -> MLXArray {
            let codes = part.count / 1280
            return try tokenizer.states(of: part, paddedTo: length).pooled[codes - 4..<codes]
        }
        let (one, two) = (try arrays.array("pooled.3.0"), try arrays.array("pooled.3.1"))
        XCTAssertLessThan(try difference(last(first, paddedTo: Self.segment), one), 1e-4)
        XCTAssertLessThan(try difference(last(second, paddedTo: Self.segment), two), 1e-4)
        XCTAssertGreaterThan(try difference(last(second, paddedTo: second.count), two), 1e-3, "padded to whole codes")
        XCTAssertEqual(
            try tokenizer.codes(of: Waveform(samples: second, sampleRate: 16_000)),
            try arrays.array("codes.alone").asInt32Array(), "a clip of its own")
    }

    // MARK: Wrong on purpose

    /// A copy of the golden folder, changed.
    private func changed(
        in folder: URL, config: [String: JSONValue] = [:],
        _ change: (inout [String: MLXArray]) throws -> Void = { _ in }
    ) throws -> URL {
        let source = try golden().folder, file = try SafetensorsFile(source.appendingPathComponent("model.safetensors"))
        var fields = try JSONFile.object(at: source.appendingPathComponent("config.json")).fields
        for (key, value) in config { fields[key] = value }
        var tensors: [String: MLXArray] = [:]
        for name in file.names { tensors[name] = try file.array(name) }
        try change(&tensors)
        try AtomicFile.write(
            Data(JSONValue.object(fields).text().utf8), to: folder.appendingPathComponent("config.json"))
        try Safetensors.write(
            tensors.map { (name: $0.key, array: $0.value) }, to: folder.appendingPathComponent("model.safetensors"))
        return folder
    }

    func testWrongVariantsFail() throws {
        func worst(
            config: [String: JSONValue] = [:], _ change: (inout [String: MLXArray]) throws -> Void = { _ in }
        ) throws -> Float {
            try withTemporaryFolder { folder in
                let tokenizer = try SpeechTokenizer(folder: changed(in: folder, config: config, change))
                return try differences(tokenizer, 2).last?.value ?? 0
            }
        }
        XCTAssertLessThan(try worst(), 1e-4, "the copy itself is right")
        XCTAssertGreaterThan(try worst(config: ["encoder_causal_convolution": false]), 0.05, "centred convolutions")
        XCTAssertGreaterThan(try worst(config: ["quantize_causal_block_size": 1500]), 0.05, "no blocks: all is seen")
        XCTAssertGreaterThan(try worst(config: ["quantize_causal_block_size": 1]), 0.05, "causal by rows")
        XCTAssertGreaterThan(try worst(config: ["quantize_causal_block_size": 50]), 0.05, "blocks of another size")
        XCTAssertGreaterThan(try worst(config: ["encoder_attention_heads": 4]), 0.05, "another number of heads")
        XCTAssertGreaterThan(
            try worst(config: ["quantize_position": 1, "pooling_position": 1]) {
                $0["layers.1.fc2.bias"] = nil
            }, 0.05, "a block too few, and its tensors are not asked for")
        XCTAssertGreaterThan(
            try worst {
                let positions = try XCTUnwrap($0["embed_positions.weight"])
                $0["embed_positions.weight"] = concatenated([positions[1..<positions.dim(0)], positions[0..<1]])
            }, 0.05, "positions shifted by one")
        XCTAssertGreaterThan(
            try worst {
                let conv = try XCTUnwrap($0["conv1.weight"])  // [out, in, 3]
                $0["conv1.weight"] = concatenated((0..<3).reversed().map { conv.slice($0..<$0 + 1, axis: 2) }, axis: 2)
            }, 0.05, "the convolution turned round")
    }

    /// The same sound with its padding taken for sound: other keys are seen.
    func testPaddingIsNotSeen() throws {
        let (folder, arrays) = try golden()
        let tokenizer = try SpeechTokenizer(folder: folder), samples = clip(2).samples
        let length = (samples.count + 1279) / 1280 * 1280
        let padding = [Float](repeating: 0, count: length - samples.count)
        let pooled = try tokenizer.states(of: samples + padding, paddedTo: length).pooled
        XCTAssertGreaterThan(try difference(pooled, arrays.array("pooled.2")), 1e-3)
    }

    // MARK: Folders

    func testWhatTheCodesDoNotNeed() throws {
        let arrays = try golden().arrays
        let expected = try arrays.array("codes.1").asInt32Array()
        try withTemporaryFolder { folder in
            let url = try changed(in: folder) { tensors in
                for name in tensors.keys where name.hasPrefix("ema_") || name.hasPrefix("layers.2.") {
                    tensors[name] = nil
                }
                tensors["embed_positions2.weight"] = nil
            }
            XCTAssertEqual(try SpeechTokenizer(folder: url).codes(of: clip(1)), expected)
        }
        try withTemporaryFolder { folder in
            let url = try changed(in: folder) { tensors in
                tensors = Dictionary(uniqueKeysWithValues: tensors.map { ("model.encoder.\($0.key)", $0.value) })
                tensors["model.decoder.layer_norm.bias"] = .zeros([24])
            }
            XCTAssertEqual(try SpeechTokenizer(folder: url).codes(of: clip(1)), expected, "the training model's names")
        }
    }

    private func assertRefused(
        _ words: String..., config: [String: JSONValue] = [:], file: StaticString = #filePath, line: UInt = #line,
        change: (inout [String: MLXArray]) throws -> Void = { _ in }
    ) throws {
        try withTemporaryFolder { folder in
            let url = try changed(in: folder, config: config, change)
            XCTAssertThrowsError(try SpeechTokenizer(folder: url), file: file, line: line) { error in
                XCTAssertTrue(
                    error is ModelError || error is CheckpointError, "\(type(of: error)): \(error)", file: file,
                    line: line)
                for word in words {
                    XCTAssertTrue("\(error)".contains(word), "\(word): \(error)", file: file, line: line)
                }
            }
        }
    }

    func testMissingAndMisshapenTensors() throws {
        for name in ["codebook.weight", "embed_positions.weight", "conv2.bias", "layers.1.self_attn.out_proj.bias"] {
            try assertRefused(name, "missing") { $0[name] = nil }
        }
        try assertRefused("codebook.weight", "[32, 24]", "[64, 24]") { $0["codebook.weight"] = .zeros([32, 24]) }
        try assertRefused("conv1.weight", "[24, 3, 128]", "[24, 128, 3]") { $0["conv1.weight"] = .zeros([24, 3, 128]) }
        try assertRefused("layers.0.fc1.weight", "[24, 48]", "[48, 24]") {
            $0["layers.0.fc1.weight"] = .zeros([24, 48])
        }
        try assertRefused("conv1.bias", "I32", "F32") { $0["conv1.bias"] = .zeros([24], dtype: .int32) }
        try assertRefused("layers.3.", "missing", config: ["quantize_position": 4, "pooling_position": 4])
    }

    func testAbsurdNumbers() throws {
        for (field, value) in [
            ("d_model", 1 << 40), ("d_model", 0), ("d_model", 25), ("quantize_position", 0),
            ("quantize_position", 1_000_000), ("quantize_vocab_size", -1), ("quantize_vocab_size", Int.max),
            ("quantize_causal_block_size", 0), ("pooling_kernel_size", 0), ("pooling_kernel_size", 7),
            ("pooling_position", 1), ("num_mel_bins", 100), ("encoder_attention_heads", 0),
            ("encoder_ffn_dim", 1 << 50),
            ("max_source_positions", 1499), ("max_source_positions", 1 << 50),
        ] {
            try assertRefused("config.json", field, config: [field: .integer(value)])
        }
        for field in [
            "quantize_vocab_size", "quantize_causal_block_size", "pooling_type", "encoder_causal_convolution",
        ] {
            try assertRefused("config.json", field, config: [field: .null])
        }
        try assertRefused("config.json", "pooling_type", config: ["pooling_type": "max"])
        try assertRefused("config.json", "activation_function", config: ["activation_function": "relu"])
        for field in ["encoder_causal_attention", "quantize_causal_encoder"] {
            try assertRefused("config.json", field, config: [field: true])
        }
        // Within every limit, but far more than the file holds: refused by the file, not by memory.
        try assertRefused("codebook.weight", config: ["quantize_vocab_size": 9_000_000])
    }

    // MARK: Clips

    func testClipsAtTheLimits() throws {
        let tokenizer = try SpeechTokenizer(folder: golden().folder)
        func refused(_ word: String, _ samples: [Float], rate: Int = 16_000, line: UInt = #line) {
            XCTAssertThrowsError(
                try tokenizer.codes(of: Waveform(samples: samples, sampleRate: rate)), line: line
            ) { error in
                XCTAssertTrue(error is ModelError, "\(error)", line: line)
                XCTAssertTrue("\(error)".contains(word), "\(error)", line: line)
            }
        }
        refused("0 samples", [])
        refused("8000 Hz", [0.1, 0.2], rate: 8_000)
        refused("0 Hz", [0.1], rate: 0)
        refused("sample 1 ", [0.1, .nan])
        refused("sample 480003 ", [Float](repeating: 0, count: 480_003) + [.infinity])
        refused("600 s", [Float](repeating: 0, count: 600 * 16_000 + 1))
        for (count, codes) in [(1, 1), (1280, 1), (1281, 2), (480_000, 375), (480_001, 376)] {
            let found = try tokenizer.codes(of: Waveform(samples: Array(clip(3).samples[..<count]), sampleRate: 16_000))
            XCTAssertEqual(found.count, codes, "\(count) samples")
            XCTAssertTrue(found.allSatisfy { (0..<64).contains($0) })
        }
        XCTAssertEqual(
            try tokenizer.codes(of: Waveform(samples: [Float](repeating: 0, count: 3000), sampleRate: 16_000)).count, 3,
            "silence")
    }
}
