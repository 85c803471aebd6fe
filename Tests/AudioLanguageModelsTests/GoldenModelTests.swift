import AudioLanguageModels
import Checkpoints
import Foundation
import MLX
import MLXNN
import Speech
import XCTest

/// The embedded model against reference arrays of other software (scripts/golden/smol_llm.py), and wrong variants
/// that must not pass.
final class GoldenModelTests: XCTestCase {
    private struct Loaded: @unchecked Sendable {  // built once, then only read
        let model: SmolModel, golden: SafetensorsFile
    }
    private static let loaded: Result<Loaded, any Error>? = {
        guard SmolSetup.isReady else { return nil }
        return Result {
            let folder = Bundle.module.url(forResource: "Golden", withExtension: nil)
            let file = try XCTUnwrap(folder).appendingPathComponent("smol.safetensors")
            return Loaded(
                model: try SmolModel(folder: SmolSetup.folder, name: "smol", withoutProjector: true),
                golden: try SafetensorsFile(file))
        }
    }()

    private func load() throws -> (SmolModel, SafetensorsFile) {
        guard let loaded = Self.loaded else {
            throw XCTSkip("the embedded model is not set up: run `resurface setup`")
        }
        let both = try loaded.get()
        return (both.model, both.golden)
    }

    private func difference(_ a: MLXArray, _ b: MLXArray) throws -> Float {
        guard a.shape == b.shape else {
            XCTFail("shapes \(a.shape) and \(b.shape)")
            return .infinity
        }
        return try abs(a - b).max().item()
    }

    // MARK: Speech

    private func clip(_ golden: SafetensorsFile) throws -> Waveform {
        Waveform(samples: try golden.array("waveform").asArray(), sampleRate: 16_000)
    }

    /// Differences of every stage, by name.
    private func encoderDifferences(
        _ encoder: WhisperEncoder, _ golden: SafetensorsFile, mel: MLXArray
    ) throws -> [(name: String, value: Float)] {
        let stages = encoder(mel.expandedDimensions(axis: 0))
        let names = ["stem"] + (0..<encoder.config.layers).map(String.init) + ["final"]
        XCTAssertEqual(stages.count, names.count)
        return try zip(names, stages).map { name, stage in
            let ours = stage.squeezed(axis: 0).slice(0..<16, axis: 1)
            return (name, try difference(ours, golden.array("encoder.\(name)")))
        }
    }

    func testLogMelAndEncoder() throws {
        let (model, golden) = try load()
        let mel = try model.mel(of: clip(golden))
        let ours = MLXArray(mel.values, [mel.frames, mel.bins])
        XCTAssertLessThan(try difference(ours, golden.array("mel")), 1e-4)
        for (name, value) in try encoderDifferences(model.encoder, golden, mel: ours) {
            XCTAssertLessThan(value, 1e-4, "encoder.\(name)")
        }
    }

    func testWrongEncodersFail() throws {
        let (model, golden) = try load()
        let mel = try golden.array("mel")
        let weights = model.encoder.parameters()
        func worst(_ change: (inout [String: MLXArray]) throws -> Void) throws -> Float {
            var changed = weights
            try change(&changed)
            let encoder = WhisperEncoder(model.config.encoder)
            try encoder.update(parameters: changed)
            return try encoderDifferences(encoder, golden, mel: mel).last?.value ?? 0
        }
        XCTAssertLessThan(try worst { _ in }, 1e-4, "the copy itself is right")
        let positions = try XCTUnwrap(weights["embed_positions.weight"])
        XCTAssertGreaterThan(try worst { $0["embed_positions.weight"] = .zeros(positions.shape) }, 0.05, "no positions")
        XCTAssertGreaterThan(
            try worst {
                $0["embed_positions.weight"] = concatenated([positions[1..<positions.dim(0)], positions[0..<1]])
            },
            0.05, "positions shifted by one")
        XCTAssertGreaterThan(
            try worst {
                let conv = try XCTUnwrap($0["conv2.weight"])  // [out, 3, in]
                $0["conv2.weight"] = concatenated((0..<3).reversed().map { conv.slice($0..<$0 + 1, axis: 1) }, axis: 1)
            }, 0.05, "the convolution turned round")
        var other = model.config.encoder
        other.heads = 3
        let encoder = WhisperEncoder(other)
        try encoder.update(parameters: weights)
        XCTAssertGreaterThan(
            try encoderDifferences(encoder, golden, mel: mel).last?.value ?? 0, 0.05, "another number of heads")
    }

    // MARK: Language model

    /// The largest differences of layer outputs and of the top-20 logits, and the share of equal first tokens.
    private func decoderDifferences(
        _ decoder: Decoder, _ golden: SafetensorsFile
    ) throws -> (layers: [Float], pooled: Float, logits: Float, top: Double) {
        let ids = try golden.array("input_ids").asInt32Array(), T = ids.count
        let x = decoder.embedTokens(MLXArray(ids))
        func summary(_ y: MLXArray) -> MLXArray {
            concatenated([y.mean(axes: [1], keepDims: true), y.slice(0..<8, axis: 1)], axis: 1)
        }
        var layers = [try difference(summary(x), golden.array("lm.embedding"))], pooled: [MLXArray] = []
        let end = try decoder(
            x.expandedDimensions(axis: 0), BatchPositions(positions: MLXArray([0] as [Int32])),
            observer: { layer, output in
                let y = output.squeezed(axis: 0)
                layers.append(try self.difference(summary(y), golden.array("lm.layer.\(layer)")))
                pooled.append(y.mean(axes: [0]))
            })
        let logits = decoder.logits(end.squeezed(axis: 0)), best = try golden.array("logits.ids")
        let values = takeAlong(logits, best, axis: 1)
        let first = try logits.argMax().asInt32Array(), expected = try best.asInt32Array()
        let agreed = (0..<T).count { first[$0] == expected[$0 * 20] }
        return (
            layers, try difference(stacked(pooled), golden.array("lm.pooled")),
            try difference(values, golden.array("logits.values")), Double(agreed) / Double(T)
        )
    }

    func testDecoder() throws {
        let (model, golden) = try load()
        let (layers, pooled, logits, top) = try decoderDifferences(model.decoder, golden)
        XCTAssertEqual(layers.count, 31)
        for (i, value) in layers.enumerated() { XCTAssertLessThan(value, 1e-3, "after \(i) layers") }
        // The pooled states hold all columns, and a few of them reach a thousand.
        let scale = try abs(golden.array("lm.pooled")).max().item()
        XCTAssertLessThan(pooled, 1e-3 * scale / 60)
        XCTAssertLessThan(logits, 1e-3)
        XCTAssertEqual(top, 1)
    }

    func testThePromptIsTokenisedAsTheReferenceDoes() throws {
        let (model, golden) = try load()
        let text = "What is the capital of France in 1789?"
        let ids = try golden.array("input_ids").asInt32Array()
        let own = try model.prompt(reading: text).inputIDs + model.tokenizer.encode("The capital")
        XCTAssertEqual(own, ids)
    }

    func testWrongDecodersFail() throws {
        let (model, golden) = try load()
        let right = model.decoder.config
        func check(_ why: String, _ config: DecoderConfig, _ change: (String, MLXArray) throws -> MLXArray) throws {
            var weights: [String: MLXArray] = [:]
            for (path, array) in model.decoder.parameters() { weights[path] = try change(path, array) }
            let decoder = Decoder(config)
            try decoder.update(parameters: weights)
            let found = try decoderDifferences(decoder, golden)
            XCTAssertGreaterThan(found.logits, 0.05, why)
            XCTAssertGreaterThan(found.layers.last ?? 0, 0.05, why)
        }
        var theta = right
        theta.ropeTheta = 10_000
        try check("another base of the rotary positions", theta) { $1 }
        try check("rotary pairs of neighbours", right) { path, array in
            let isQuery = path.hasSuffix("q_proj.weight")
            guard isQuery || path.hasSuffix("k_proj.weight") else { return array }
            let rows = SmolConversion.halfSplit(
                try array.asArray(), heads: isQuery ? right.heads : right.keyValueHeads,
                headWidth: right.headDimension, columns: right.hiddenSize)
            return MLXArray(rows, array.shape)
        }
        try check("key and value heads in another order", right) { path, array in
            guard path.hasSuffix("k_proj.weight") || path.hasSuffix("v_proj.weight") else { return array }
            return concatenated([array[right.headDimension..<array.dim(0)], array[0..<right.headDimension]])
        }
        try check("gate and up exchanged", right) { path, array in
            let names = ["gate_proj": "up_proj", "up_proj": "gate_proj"]
            for (a, b) in names where path.hasSuffix("\(a).weight") {
                return try XCTUnwrap(model.decoder.parameters()[path.replacingOccurrences(of: a, with: b)])
            }
            return array
        }
    }
}
