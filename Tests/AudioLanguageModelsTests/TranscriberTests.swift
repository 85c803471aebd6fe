import AudioLanguageModels
import Checkpoints
import Foundation
import MLX
import Speech
import TestSupport
import XCTest

/// Whisper's decoder against transformers (scripts/golden/whisper_decoder.py), and what is built on it.
final class TranscriberTests: XCTestCase {
    private func withTiny(_ body: (Transcriber, SafetensorsFile) throws -> Void) throws {
        let golden = try XCTUnwrap(Bundle.module.url(forResource: "Golden", withExtension: nil))
        try withTemporaryFolder { folder in
            try TinyWhisper.write(to: folder.appendingPathComponent("whisper"))
            try body(
                Transcriber(folder: folder.appendingPathComponent("whisper")),
                SafetensorsFile(golden.appendingPathComponent("whisper-decoder.safetensors")))
        }
    }

    /// As the references: padded to 30 s.
    private func states(_ transcriber: Transcriber, _ seconds: Double) throws -> MLXArray {
        try transcriber.encode(LogMel(bins: 80)(TinyFamily.waveform(seconds), padding: .seconds(30)))
    }

    private func difference(_ a: MLXArray, _ b: MLXArray) throws -> Float {
        XCTAssertEqual(a.shape, b.shape)
        return try abs(a - b).max().item()
    }

    func testLogitsAndGreedyTokens() throws {
        try withTiny { transcriber, golden in
            let decoder = transcriber.decoder, ids = try golden.array("ids")
            let first = try states(transcriber, 2.0)
            XCTAssertLessThan(try difference(first.slice(0..<8, axis: 1), golden.array("states")), 1e-4)
            for clip in ["2.0", "3.7"] {
                let whole = try states(transcriber, XCTUnwrap(Double(clip)))
                for rows in [1500, 40] {
                    let name = "\(clip).\(rows)", heard = whole[0..<rows], expected = try golden.array("\(name).logits")
                    let memory = decoder.memory(of: [heard])
                    let logits = decoder(
                        ids.reshaped([1, -1]), offset: 0, memory, cache: KVCache(layers: decoder.config.layers))
                    let scale = max(1, try abs(expected).max().item())
                    XCTAssertLessThan(try difference(logits.squeezed(axis: 0), expected) / scale, 1e-4, name)
                    // Token by token with a cache, and beside a longer and a shorter clip.
                    let found = try transcriber.decode([first[0..<700], heard, first[0..<9]], limit: 24)
                    XCTAssertEqual(found[1], try uncircled(golden.array("\(name).generated").asInt32Array()), name)
                }
            }
        }
    }

    /// The reference goes on where ours stops.
    private func uncircled(_ ids: [Int32]) -> [Int32] {
        for count in ids.indices {
            if let kept = RepeatedTokens.cut(Array(ids[...count])) { return Array(ids[..<kept]) }
        }
        return ids
    }

    func testABatchSaysWhatEachClipSaysAlone() throws {
        try withTiny { transcriber, _ in
            let clips = [0.3, 2.0, 0.05, 3.7, 31.0, 0].map(TinyFamily.waveform)
            let together = try transcriber.transcribe(clips)
            for (i, clip) in clips.enumerated() { XCTAssertEqual(try transcriber.transcribe([clip]), [together[i]]) }
            XCTAssertEqual([together[2], together[5]], ["", ""], "too short for a word")
            XCTAssertFalse(together[1].isEmpty)
            XCTAssertEqual(try transcriber.transcribe([]), [])
            // Two windows are decoded on their own.
            let windows = try [0..<448_000, 448_000..<496_000].map {
                try transcriber.transcribe([Waveform(samples: Array(clips[4].samples[$0]), sampleRate: 16_000)])[0]
            }
            XCTAssertEqual(together[4], windows.joined(separator: " "))
            XCTAssertThrowsError(try transcriber.transcribe(clips, shouldStop: { true })) {
                XCTAssertTrue($0 is CancellationError)
            }
        }
    }

    func testCirclesAreCut() {
        XCTAssertNil(RepeatedTokens.cut([1, 2, 3, 4, 5, 6, 7, 8]))
        XCTAssertNil(RepeatedTokens.cut([9, 1, 1, 1, 1, 1, 1, 1]), "seven times is said at times")
        XCTAssertEqual(RepeatedTokens.cut([9, 1, 1, 1, 1, 1, 1, 1, 1]), 2)
        XCTAssertEqual(RepeatedTokens.cut([9, 8] + [Int32](repeating: 0, count: 3).flatMap { _ in [1, 2, 3] }), nil)
        XCTAssertEqual(RepeatedTokens.cut([9, 8] + [Int32](repeating: 0, count: 4).flatMap { _ in [1, 2, 3] }), 5)
        XCTAssertEqual(RepeatedTokens.cut([]), nil)
    }

    func testWrongFoldersAreRefused() throws {
        try withTemporaryFolder { folder in
            let whisper = folder.appendingPathComponent("whisper"),
                config = whisper.appendingPathComponent("config.json")
            try TinyWhisper.write(to: whisper)
            let right = try String(contentsOf: config, encoding: .utf8)
            for (from, to, expected) in [
                ("\"decoder_layers\":3", "\"decoder_layers\":4", "decoder.layers.3"),
                ("\"decoder_attention_heads\":6", "\"decoder_attention_heads\":7", "decoder_attention_heads"),
                ("\"max_target_positions\":448", "\"max_target_positions\":100", "target positions"),
                ("\"vocab_size\":320", "\"vocab_size\":287", "embed_tokens"),
                ("\"decoder_ffn_dim\":64", "\"decoder_ffn_dim\":1000000000", "decoder_ffn_dim"),
            ] {
                try Data(right.replacingOccurrences(of: from, with: to).utf8).write(to: config)
                XCTAssertThrowsError(try Transcriber(folder: whisper)) {
                    XCTAssertTrue("\($0)".contains(expected), "\(expected): \($0)")
                }
            }
            try Data(right.utf8).write(to: config)
            try Data(#"{"suppress_tokens": [320], "begin_suppress_tokens": []}"#.utf8)
                .write(to: whisper.appendingPathComponent("generation_config.json"))
            XCTAssertThrowsError(try Transcriber(folder: whisper)) {
                XCTAssertTrue("\($0)".contains("suppress_tokens"), "\($0)")
            }
        }
    }

    /// The set-up one, on RAVDESS's two sentences: clips of the test data, which are not in the repository.
    func testTheRealTranscriberHearsPeople() throws {
        try XCTSkipUnless(TranscriberSetup.isReady, "the transcriber is not set up: run \"resurface setup\"")
        guard let data = ProcessInfo.processInfo.environment["RESURFACE_TEST_DATA"] else {
            throw XCTSkip("RESURFACE_TEST_DATA does not name a folder with ravdess")
        }
        let root = URL(fileURLWithPath: data).appendingPathComponent("ravdess")
        let files =
            FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        // Neutral, sentence 1 ("Kids are talking by the door") and 2 ("Dogs are sitting by the door").
        let clips = files.filter { $0.lastPathComponent.hasPrefix("03-01-01-01-0") && $0.pathExtension != "txt" }
            .sorted { $0.path < $1.path }.prefix(12)
        try XCTSkipIf(clips.isEmpty, "no clips of RAVDESS in \(root.path)")
        let heard = try Transcriber(folder: TranscriberSetup.folder).transcribe(clips.map { try AudioFile.read($0) })
        let right = zip(clips, heard).filter { url, text in
            let sentence =
                url.lastPathComponent.split(separator: "-")[4] == "01" ? "talking by the door" : "sitting by the door"
            return text.lowercased().contains(sentence)
        }
        XCTAssertGreaterThanOrEqual(right.count * 4, clips.count * 3, "\(heard)")
    }
}
