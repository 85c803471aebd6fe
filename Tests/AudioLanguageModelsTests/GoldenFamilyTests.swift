import AudioLanguageModels
import Checkpoints
import Foundation
import MLX
import Speech
import TestSupport
import Tokenization
import XCTest

/// Every family against Hugging Face transformers on tiny checkpoints in the hub's layout (scripts/golden/families.py).
final class GoldenFamilyTests: XCTestCase {
    /// The families of transformers.
    private static let chat = TinyFamily.Kind.allCases.filter { $0 != .kimi }
    private static let clips = ["0.3", "2.0", "3.7", "29.9", "41"], whole = "2.0"

    private func golden(_ kind: TinyFamily.Kind) throws -> (file: SafetensorsFile, prefix: String) {
        let name = kind.isVoxtral ? "voxtral" : kind.rawValue.hasPrefix("qwen2Audio") ? "qwen2-audio" : "qwen2.5-omni"
        let folder = try XCTUnwrap(Bundle.module.url(forResource: "Golden", withExtension: nil))
        return (
            try SafetensorsFile(folder.appendingPathComponent("\(name).safetensors")),
            kind.rawValue.hasSuffix("A") ? "a" : "b"
        )
    }

    /// The user's turn of the references.
    private func ask(_ kind: TinyFamily.Kind, _ model: any AudioLanguageModel, _ features: AudioFeatures) throws
        -> Prompt
    {
        try model.prompt([
            Message(.user, [.audio(features)] + (kind == .qwen2AudioB ? [] : [.text("What's that?")]))
        ])
    }

    private func difference(_ a: MLXArray, _ b: MLXArray, _ what: String) throws -> Float {
        guard a.shape == b.shape else {
            XCTFail("\(what): shapes \(a.shape) and \(b.shape)")
            return .infinity
        }
        return try abs(a - b).max().item()
    }

    /// Within `tolerance` of the largest value.
    private func assertEqual(_ a: MLXArray, _ b: MLXArray, _ tolerance: Float, _ what: String) throws {
        let scale = max(1, try abs(b).max().item())
        XCTAssertLessThan(try difference(a, b, what) / scale, tolerance, what)
    }

    func testParity() throws {
        try withTemporaryFolder { folder in
            for kind in Self.chat {
                let model = try TinyFamily.load(kind, in: folder), (file, prefix) = try golden(kind)
                for clip in Self.clips {
                    try checkParity(kind, model, clip) { try file.array("\(prefix).\(clip).\($0)") }
                }
            }
        }
    }

    private func checkParity(
        _ kind: TinyFamily.Kind, _ model: any AudioLanguageModel, _ clip: String,
        _ golden: @escaping (String) throws -> MLXArray
    ) throws {
        let what = "\(kind) \(clip) s", whole = clip == Self.whole
        let waveform = TinyFamily.waveform(try XCTUnwrap(Double(clip))), mel = try model.mel(of: waveform)
        func every(_ n: Int, _ x: MLXArray) -> MLXArray {
            x.take(MLXArray(stride(from: 0, to: x.dim(0), by: n).map(Int32.init)))
        }
        // Of Voxtral's many rows fewer are kept.
        let steps = kind.isVoxtral ? (mel: 397, features: 29, whole: 9) : (mel: 97, features: 7, whole: 1)
        let melRows = every(whole ? 4 : steps.mel, MLXArray(mel.values, [mel.frames, mel.bins])),
            rows = try golden("mel")
        XCTAssertLessThan(try difference(melRows[0..<rows.dim(0)], rows, "\(what) mel"), 1e-4, "\(what) mel")
        let features = try model.features(of: waveform)
        let heard = every(
            whole ? steps.whole : steps.features, MLXArray(features.values, [features.count, features.width]))
        try assertEqual(heard, golden("audio_features"), 1e-4, "\(what) features")
        let prompt = try ask(kind, model, features), batch = PromptBatch([prompt], padding: .right)
        if whole { XCTAssertEqual(prompt.inputIDs, try golden("input_ids").asInt32Array(), "\(what) ids") }
        var pooled: [MLXArray] = []
        let end = try model.decoder(batch.embeddings, batch.positions) { layer, output in
            pooled.append(batch.pooled(output).squeezed(axis: 0))
            if whole {
                let rows = every(steps.whole, output.squeezed(axis: 0))
                try self.assertEqual(rows, golden("layer.\(layer)"), 1e-3, "\(what) layer \(layer)")
            }
        }
        try assertEqual(stacked(pooled), golden("pooled"), 1e-3, "\(what) pooled")
        try assertEqual(
            model.decoder.logits(batch.last(end)).squeezed(axis: 0), golden("logits"), 1e-3, "\(what) logits")
        // Greedy tokens, as far as no end comes up.
        let expected = try golden("generated").asInt32Array()
        let stop = expected.firstIndex { model.stopTokens.contains($0) } ?? expected.count
        XCTAssertEqual(try model.generate([prompt], maximumTokens: 16)[0], Array(expected[..<stop]), "\(what) answer")
    }

    /// Two streams; the speech codes are the script's.
    func testKimiAudio() throws {
        let folder = try XCTUnwrap(Bundle.module.url(forResource: "Golden", withExtension: nil))
        let file = try SafetensorsFile(folder.appendingPathComponent("kimi-audio.safetensors"))
        try withTemporaryFolder { folder in
            let model = try XCTUnwrap(TinyFamily.load(.kimi, in: folder) as? KimiAudioModel)
            for (name, words, clips) in [("two", "Who speaks?", [2.0, 0.7]), ("41", "", [41.0])] {
                let features = try clips.enumerated().map { k, seconds in
                    let sound = TinyFamily.waveform(seconds).samples
                    let count = seconds == 41 ? 513 : (sound.count - 1) / 1280 + 1
                    return try model.features(sound, codes: (0..<count).map { Int32((7 * $0 + k) % 64) })
                }
                let heard = MLXArray(features.flatMap(\.values), [features.reduce(0) { $0 + $1.count }, 48])
                try assertEqual(heard, file.array("\(name).audio_features"), 1e-4, "\(name) features")
                let text = words.isEmpty ? [] : [Message.Part.text(words)]
                let prompt = try model.prompt([Message(.user, text + features.map { .audio($0) })])
                XCTAssertEqual(prompt.inputIDs, try file.array("\(name).input_ids").asInt32Array(), name)
                XCTAssertEqual(prompt.textIDs, try file.array("\(name).text_ids").asInt32Array(), name)
                let batch = PromptBatch([prompt], padding: .right)
                var pooled: [MLXArray] = []
                let end = try model.decoder(
                    batch.embeddings, batch.positions,
                    observer: { layer, output in
                        pooled.append(batch.pooled(output).squeezed(axis: 0))
                        guard name == "two" else { return }
                        try self.assertEqual(
                            output.squeezed(axis: 0), file.array("two.layer.\(layer)"), 1e-3, "layer \(layer)")
                    })
                try assertEqual(stacked(pooled), file.array("\(name).pooled"), 1e-3, "\(name) pooled")
                try assertEqual(
                    model.decoder.logits(batch.last(end)).squeezed(axis: 0), file.array("\(name).logits"), 1e-3,
                    "\(name) logits")
                let expected = try file.array("\(name).generated").asInt32Array()
                let stop = expected.firstIndex { model.stopTokens.contains($0) } ?? expected.count
                XCTAssertEqual(
                    try model.generate([prompt], maximumTokens: 16)[0], Array(expected[..<stop]), "\(name) answer")
            }
            // With its own codes: as many as positions.
            let own = try model.features(of: TinyFamily.waveform(3.7))
            XCTAssertEqual(own.count, 47)
            XCTAssertEqual(own.codes.count, 47)
            XCTAssertTrue(own.codes.allSatisfy { (0..<64).contains($0) })
            // Turns: one role token a run, the wish for text where it ends in audio, the assistant's text closed by its end.
            let turns = try model.prompt([
                Message(.system, [.text("a")]), Message(.user, [.audio(own)]), Message(.assistant, [.text("b")]),
                Message(.user, [.text("c")]),
            ])
            let user: Int32 = 300, assistant: Int32 = 301, end: Int32 = 302, blank: Int32 = 305, wish: Int32 = 307
            XCTAssertEqual(turns.inputIDs.prefix(3), [user, blank, 303])
            XCTAssertEqual(
                Array(turns.inputIDs.dropFirst(3 + 47)),
                [304, wish, end, assistant, blank, blank, end, user, blank, end, assistant])
            XCTAssertEqual(
                Array(turns.textIDs.suffix(8)), [blank, 98, 306, blank, blank, 99, blank, blank], "b, its end; c")
        }
    }

    func testEncoderStages() throws {
        try withTemporaryFolder { folder in
            for kind in Self.chat {
                let model = try TinyFamily.load(kind, in: folder), (file, prefix) = try golden(kind)
                let states = try model.features(of: TinyFamily.waveform(2)).encoderStates
                XCTAssertEqual(states.count, 4, "stem, two blocks, the norm")
                // The golden rows are every second one, the states a mean over all: near, not equal.
                for block in 0..<2 {
                    let mean = try file.array("\(prefix).\(Self.whole).encoder.\(block)").mean(axes: [0])
                    let own = MLXArray(Array(states[block + 1][..<32]))
                    XCTAssertLessThan(
                        try difference(own, mean, "\(kind)"), 0.2 * (try abs(mean).max().item()), "\(kind)")
                }
            }
        }
    }

    func testNamesOnDiskAreTheReferences() throws {
        for kind in Self.chat {
            let (file, prefix) = try golden(kind)
            let bytes = try file.array("\(prefix).names").asInt32Array().map { UInt8($0) }
            let expected = Set(String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init))
            let own = Set(
                TinyFamily(kind).tensors.keys.map { $0.replacingOccurrences(of: "thinker.", with: "") }
                    .filter { name in !["talker", "token2wav", "visual"].contains(where: name.hasPrefix) })
            XCTAssertEqual(
                own.sorted(), expected.map { $0.replacingOccurrences(of: "thinker.", with: "") }.sorted(), "\(kind)")
        }
    }

    func testBatchesOfMixedLengthsEqualSingleClips() throws {
        try withTemporaryFolder { folder in
            for kind in TinyFamily.Kind.allCases {
                let model = try TinyFamily.load(kind, in: folder)
                // Voxtral's positions are those of whole chunks of 30 s.
                let prompts = try [0.3, kind.isVoxtral ? 31 : 3.7, 2.0].map {
                    try ask(kind, model, model.features(of: TinyFamily.waveform($0)))
                }
                for padding in [PaddingSide.left, .right] {
                    let all = PromptBatch(prompts, padding: padding)
                    let logits = model.decoder.logits(all.last(model.decoder(all.embeddings, all.positions)))
                    for (i, prompt) in prompts.enumerated() {
                        let one = PromptBatch([prompt], padding: .right)
                        let alone = model.decoder.logits(one.last(model.decoder(one.embeddings, one.positions)))
                        try assertEqual(logits[i..<i + 1], alone, 1e-4, "\(kind) clip \(i)")
                    }
                }
                XCTAssertEqual(
                    try model.generate(prompts, maximumTokens: 8),
                    try prompts.map { try model.generate([$0], maximumTokens: 8)[0] }, "\(kind)")
            }
        }
    }

    /// A checkpoint in f16 is that of its rounded values in f32.
    func testHalfPrecisionIsWidened() throws {
        try withTemporaryFolder { folder in
            for kind in [TinyFamily.Kind.qwen2AudioA, .omniA, .voxtralA] {
                var found: [MLXArray] = []
                for wide in [false, true] {
                    var tiny = TinyFamily(kind)
                    for (name, tensor) in tiny.tensors {
                        let half = tensor.asType(.float16)
                        tiny.tensors[name] = wide ? half.asType(.float32) : half
                    }
                    let own = folder.appendingPathComponent("\(kind)-\(wide)")
                    try tiny.write(to: own)
                    let model = try ModelRegistry.load(own.path)
                    let prompt = try ask(kind, model, model.features(of: TinyFamily.waveform(2)))
                    let batch = PromptBatch([prompt], padding: .right)
                    found.append(model.decoder.logits(batch.last(model.decoder(batch.embeddings, batch.positions))))
                }
                try assertEqual(found[0], found[1], 1e-5, "\(kind)")
            }
        }
    }

    /// Wrong on purpose: what passes here would prove nothing.
    func testWrongVariantsFail() throws {
        try withTemporaryFolder { folder in
            func worst(_ kind: TinyFamily.Kind, _ name: String, _ change: (inout TinyFamily) -> Void) throws -> Float {
                var tiny = TinyFamily(kind)
                change(&tiny)
                let own = folder.appendingPathComponent("\(kind)-\(name)")
                try tiny.write(to: own)
                let model = try ModelRegistry.load(own.path), (file, prefix) = try golden(kind)
                let prompt = try ask(kind, model, model.features(of: TinyFamily.waveform(2)))
                let batch = PromptBatch([prompt], padding: .right)
                let logits = model.decoder.logits(batch.last(model.decoder(batch.embeddings, batch.positions)))
                return try difference(logits.squeezed(axis: 0), file.array("\(prefix).2.0.logits"), name)
            }
            func edited(_ value: JSONValue, _ path: [String], _ new: JSONValue) -> JSONValue {
                guard case .object(var fields) = value, let key = path.first else { return new }
                fields[key] = edited(fields[key] ?? .null, Array(path.dropFirst()), new)
                return .object(fields)
            }
            for kind in [TinyFamily.Kind.qwen2AudioA, .omniA, .voxtralA] {
                let heads = kind.isVoxtral ? "num_attention_heads" : "encoder_attention_heads"
                let inside = kind == .omniA ? ["thinker_config"] : []
                XCTAssertLessThan(try worst(kind, "right") { _ in }, 0.01, "\(kind)")
                XCTAssertGreaterThan(
                    try worst(kind, "theta") {
                        $0.config = edited($0.config, inside + ["text_config", "rope_theta"], 100)
                    }, 0.05, "\(kind): another base of the rotary positions")
                XCTAssertGreaterThan(
                    try worst(kind, "heads") {
                        $0.config = edited($0.config, inside + ["audio_config", heads], 8)
                    }, 0.05, "\(kind): another number of heads in the encoder")
                XCTAssertGreaterThan(
                    try worst(kind, "eps") {
                        $0.config = edited($0.config, inside + ["text_config", "rms_norm_eps"], 0.1)
                    },
                    0.05, "\(kind): another epsilon")
            }
            XCTAssertGreaterThan(
                try worst(.omniA, "window") {
                    $0.config = edited($0.config, ["thinker_config", "audio_config", "n_window"], 60)
                }, 0.05, "other blocks")
        }
    }

    /// What the other families do with padding is wrong here.
    func testVoxtralHearsItsPadding() throws {
        try withTemporaryFolder { folder in
            let model = try XCTUnwrap(TinyFamily.load(.voxtralA, in: folder) as? VoxtralModel)
            let sound = TinyFamily.waveform(2), mel = try model.mel(of: sound), rows = 100
            let masked = model.encoder.blocks(MLXArray(mel.values, [1, mel.frames, mel.bins]), rows: rows)
            let last = model.encoder.norm(masked[masked.count - 1])
            let wrong = model.projector(last.reshaped([rows / 4, 128]))
            let features = try model.features(of: sound)
            XCTAssertEqual(features.count, 375)
            XCTAssertEqual(try model.features(of: TinyFamily.waveform(31)).count, 750)
            let right = MLXArray(features.values, [features.count, features.width])[0..<rows / 4]
            XCTAssertGreaterThan(try difference(wrong, right, "masked"), 0.05)
        }
    }

    /// The reference class ties no head; a file that leaves it out has the table for one.
    func testVoxtralWithoutAHeadOfItsOwn() throws {
        try withTemporaryFolder { folder in
            var same = TinyFamily(.voxtralA)
            same.tensors["language_model.lm_head.weight"] = same.tensors["language_model.model.embed_tokens.weight"]
            var tied = same
            tied.tensors["language_model.lm_head.weight"] = nil
            let answers = try [("same", same), ("tied", tied)].map { name, tiny in
                let own = folder.appendingPathComponent(name)
                try tiny.write(to: own)
                let model = try ModelRegistry.load(own.path)
                XCTAssertEqual(model.decoder.config.tied, name == "tied")
                let prompt = try ask(.voxtralA, model, model.features(of: TinyFamily.waveform(0.5)))
                return try model.generate([prompt], maximumTokens: 6)
            }
            XCTAssertEqual(answers[0], answers[1])
        }
    }

    /// A state saved with the module paths of transformers 5, and a thinker inside or outside the whole model.
    func testOtherSpellingsOfTheNames() throws {
        try withTemporaryFolder { folder in
            for kind in [TinyFamily.Kind.qwen2AudioA, .omniA, .voxtralA] {
                let model = try TinyFamily.load(kind, in: folder)
                var renamed = TinyFamily(kind)
                renamed.tensors = Dictionary(
                    uniqueKeysWithValues: renamed.tensors.map { name, array in
                        let inner = name.replacingOccurrences(of: "thinker.", with: "")
                            .replacingOccurrences(of: "language_model.", with: "")
                        if inner.hasPrefix("model.") { return ("model.language_model." + inner.dropFirst(6), array) }
                        let apart = ["lm_head", "talker", "token2wav"].contains(where: inner.hasPrefix)
                        return (apart ? inner : "model." + inner, array)
                    })
                let own = folder.appendingPathComponent("renamed-\(kind)")
                try renamed.write(to: own)
                let other = try ModelRegistry.load(own.path), sound = TinyFamily.waveform(0.5)
                let (a, b) = (try model.features(of: sound), try other.features(of: sound))
                XCTAssertEqual(a, b)
                XCTAssertEqual(
                    try model.generate([ask(kind, model, a)], maximumTokens: 6),
                    try other.generate([ask(kind, other, b)], maximumTokens: 6))
            }
        }
    }
}
