import AudioLanguageModels
import Foundation
import MLX
import Speech
import TestSupport
import XCTest

/// Properties of the whole model that need no reference: batches, caches, likelihoods, repetition.
final class TinyModelTests: XCTestCase {
    /// Four prompts of different lengths, with and without sound and system turn.
    private func prompts(_ model: SmolModel) throws -> [Prompt] {
        let short = try model.features(of: TinyModel.tone(210, seconds: 0.3))
        let long = try model.features(of: TinyModel.tone(140, seconds: 1.1))
        return [
            try model.prompt(hearing: short),
            try model.prompt([Message(.system, [.text("You are kind.")]), Message(.user, [.audio(long)])]),
            try model.prompt(reading: "the train and you"),
            try model.prompt([Message(.user, [.audio(long), .text("Say 12!")])]),
        ]
    }

    private func withModel(_ body: (SmolModel) throws -> Void) throws {
        try withTemporaryFolder { try body(TinyModel.load(in: $0)) }
    }

    /// [T, vocabulary] of one prompt alone.
    private func logits(_ model: SmolModel, _ prompt: Prompt) throws -> [Float] {
        let batch = PromptBatch([prompt], padding: .right)
        return try model.decoder.logits(model.decoder(batch.embeddings, batch.positions)).asArray()
    }

    private func largest(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Float {
        zip(a, b).reduce(0) { max($0, Swift.abs($1.0 - $1.1)) }
    }

    func testRightPaddedBatchEqualsSingle() throws {
        try withModel { model in
            let all = try prompts(model), V = model.decoder.config.vocabularySize
            XCTAssertEqual(Set(all.map(\.count)).count, 4, "lengths differ")
            let batch = PromptBatch(all, padding: .right)
            let together = try model.decoder.logits(model.decoder(batch.embeddings, batch.positions)).asArray()
            for (b, prompt) in all.enumerated() {
                let row = together[b * batch.length * V..<(b * batch.length + prompt.count) * V]
                let alone = try logits(model, prompt)
                XCTAssertEqual(row.count, alone.count)
                XCTAssertLessThan(largest(row, alone), 1e-4)
                XCTAssertGreaterThan(alone.max() ?? 0, 1, "wide weights: a difference would show")
            }
        }
    }

    /// A short clip beside a long one: what fills it up, whatever it is, must not be heard.
    func testProjectorHearsNothingPastAClipsEnd() throws {
        try withModel { model in
            let (projector, classes) = try (XCTUnwrap(model.projector), XCTUnwrap(model.classes))
            let counts = [3, 9], n = 9, width = SmolProjector.stack * TinyModel.encoder.width
            let x = MLXArray.normal([2, n, width], seed: 5)
            let mask = counts.flatMap { count in (0..<n).map { $0 < count ? Float(1) : 0 } }
            let together = projector(
                x, counts: MLXArray(counts.map(Int32.init)), mask: MLXArray(mask, [2, n, 1]), classes: classes)
            let V = together.dim(2), scores = try together.asArray()
            for (b, count) in counts.enumerated() {
                let clip = x[b..<b + 1].slice(0..<count, axis: 1)
                let alone = try projector(clip, classes: classes).asArray()
                XCTAssertLessThan(largest(scores[b * n * V..<(b * n + count) * V], alone), 1e-4)
                XCTAssertGreaterThan((alone.max() ?? 0) - (alone.min() ?? 0), 1)
            }
        }
    }

    /// Two pieces with the same letters sound alike, whatever they mean; where a word begins is heard; what else is in the list
    /// is not.
    func testATokensSoundIsThatOfItsLetters() throws {
        try withModel { model in
            let projector = try XCTUnwrap(model.projector), width = model.decoder.config.hiddenSize
            let pieces = ["a", "Ġa", "T", "t", "in"]
            let ids = try pieces.map { try XCTUnwrap(model.tokenizer.id(of: $0)) }
            func sounds(_ ids: [Int32]) throws -> [[Float]] {
                let embeddings = model.decoder.embedTokens.weight.take(MLXArray(ids))
                let classes = projector.classVectors(
                    embeddings, spelled: projector.spell(letters: model.letters(of: ids)))
                XCTAssertEqual(classes.dim(0), 1 + ids.count)
                let end = classes.dim(1) - 1, values = try classes.asArray()
                return (1...ids.count).map { Array(values[$0 * (end + 1) + width..<$0 * (end + 1) + end]) }
            }
            let together = try sounds(ids)
            XCTAssertEqual(together[0].reduce(0) { $0 + $1 * $1 }, 1, accuracy: 1e-4)
            XCTAssertEqual(together[2], together[3])
            XCTAssertGreaterThan(largest(together[0], together[1]), 0.01)
            XCTAssertGreaterThan(largest(together[0], together[4]), 0.01)
            XCTAssertLessThan(largest(together[0], try sounds([ids[0]])[0]), 1e-5)

            let lengths = try projector.spell(pieces: pieces + ["", "a"]).asArray()
            let padded = try projector.spell(letters: model.letters(of: ids)).asArray()
            XCTAssertLessThan(largest(Array(lengths[..<padded.count]), padded), 1e-5, "by length or not")
            XCTAssertEqual(Array(lengths[..<(padded.count / 5)]), lengths.suffix(padded.count / 5), "each in its place")
        }
    }

    func testLeftPaddedBatchEqualsSingle() throws {
        try withModel { model in
            let all = try prompts(model), V = model.decoder.config.vocabularySize
            let batch = PromptBatch(all, padding: .left)
            let end = batch.last(model.decoder(batch.embeddings, batch.positions))
            let together = try model.decoder.logits(end).asArray()
            for (b, prompt) in all.enumerated() {
                let alone = try logits(model, prompt)
                XCTAssertLessThan(largest(together[b * V..<(b + 1) * V], alone.suffix(V)), 1e-4)
            }
            // Wrong on purpose: padding that is not masked.
            let open = model.decoder(batch.embeddings, BatchPositions(positions: batch.positions.positions))
            let wrong = try model.decoder.logits(batch.last(open)).asArray()
            XCTAssertGreaterThan(largest(wrong, together), 0.05)
        }
    }

    func testPooledStatesAreMeansOverAudioPositions() throws {
        try withModel { model in
            let all = try prompts(model), batch = PromptBatch(all, padding: .right)
            let pooled = try batch.pooled(batch.embeddings).asArray(), width = model.decoder.config.hiddenSize
            for (b, prompt) in all.enumerated() where prompt.audioMask.contains(true) {
                let x = try prompt.embeddings.asArray()
                let own = prompt.audioMask.indices.filter { prompt.audioMask[$0] }
                let mean = (0..<width).map { j in own.reduce(Float(0)) { $0 + x[$1 * width + j] } / Float(own.count) }
                XCTAssertLessThan(largest(pooled[b * width..<(b + 1) * width], mean), 1e-5)
            }
        }
    }

    func testCachedPassEqualsFullPass() throws {
        try withModel { model in
            let prompt = try prompts(model)[3], V = model.decoder.config.vocabularySize
            let full = try logits(model, prompt)
            let x = prompt.embeddings.expandedDimensions(axis: 0), T = prompt.count
            func positions(_ start: Int) -> BatchPositions {
                BatchPositions(positions: MLXArray([Int32(start)]))
            }
            let cache = KVCache(layers: model.decoder.config.layers)
            let cut = T / 2
            var rows = [model.decoder(x.slice(0..<cut, axis: 1), positions(0), cache: cache)]
            for t in cut..<T {
                rows.append(model.decoder(x.slice(t..<t + 1, axis: 1), positions(t), cache: cache))
            }
            let cached = try model.decoder.logits(concatenated(rows, axis: 1)).asArray()
            XCTAssertLessThan(largest(cached, full), 1e-4)
            // Wrong on purpose: every step at position 0.
            let wrong = KVCache(layers: model.decoder.config.layers)
            _ = model.decoder(x.slice(0..<T - 1, axis: 1), positions(0), cache: wrong)
            let last = model.decoder(x.slice(T - 1..<T, axis: 1), positions(0), cache: wrong)
            XCTAssertGreaterThan(largest(try model.decoder.logits(last).asArray(), full.suffix(V)), 0.05)
        }
    }

    func testGenerationInABatchEqualsOneByOne() throws {
        try withModel { model in
            let all = try prompts(model)
            let together = try model.generate(all, maximumTokens: 12)
            let apart = try all.map { try model.generate([$0], maximumTokens: 12)[0] }
            XCTAssertEqual(together, apart)
            XCTAssertGreaterThan(Set(together).count, 1, "the prompts matter")
            XCTAssertTrue(together.allSatisfy { $0.count <= 12 })
            XCTAssertEqual(try model.generate(all, maximumTokens: 0), [[], [], [], []])
            // Greedy by full passes, without the cache.
            var grown = all[0], ids: [Int32] = []
            let V = model.decoder.config.vocabularySize
            for _ in 0..<12 {
                let row = Array(try logits(model, grown).suffix(V))
                let best = Int32(row.indices.max { row[$0] < row[$1] } ?? 0)
                if model.stopTokens.contains(best) { break }
                ids.append(best)
                grown = model.appending([best], to: grown)
            }
            XCTAssertEqual(ids, together[0])
        }
    }

    func testLogLikelihoodsAreSumsOfLogSoftmax() throws {
        try withModel { model in
            let all = try prompts(model), V = model.decoder.config.vocabularySize
            let answers = ["the train", "y", "", "and 7 to you"].map { $0.isEmpty ? [] : model.answerTokens($0) }
            let found = try model.logLikelihoods(zip(all, answers).map { (prompt: $0, continuation: $1) })
            for (i, answer) in answers.enumerated() {
                let values = try logits(model, model.appending(answer, to: all[i]))
                var sum = 0.0
                for (j, id) in answer.enumerated() {
                    let at = (all[i].count - 1 + j) * V
                    let row = values[at..<at + V].map(Double.init), top = row.max() ?? 0
                    let total = row.reduce(0) { $0 + Foundation.exp($1 - top) }
                    sum += row[Int(id)] - top - Foundation.log(total)
                }
                XCTAssertEqual(Double(found[i].sum), sum, accuracy: 1e-3)
                XCTAssertEqual(found[i].tokens, answer.count)
            }
            XCTAssertLessThan(found[0].sum, -1)
        }
    }

    /// The prompt is read once and its keys and values are shared; the same as reading it anew each time.
    func testManyContinuationsOfOnePrompt() throws {
        try withModel { model in
            let prompt = try prompts(model)[1]
            let answers = ["the train", "y", "", "and 7 to you", "you"].map { $0.isEmpty ? [] : model.answerTokens($0) }
            let apart = try model.logLikelihoods(answers.map { (prompt: prompt, continuation: $0) })
            for batchSize in [1, 2, 5] {
                let shared = try model.logLikelihoods(of: answers, after: prompt, batchSize: batchSize)
                XCTAssertEqual(shared.map(\.tokens), answers.map(\.count))
                for (a, b) in zip(shared, apart) { XCTAssertEqual(a.sum, b.sum, accuracy: 1e-3) }
            }
        }
    }

    func testFeaturesAreDeterministicAndDependOnTheClip() throws {
        try withTemporaryFolder { folder in
            let model = try TinyModel.load(in: folder), again = try TinyModel.load(in: folder)
            let tone = TinyModel.tone(180, seconds: 0.8)
            let features = try model.features(of: tone)
            XCTAssertEqual(features, try model.features(of: tone))
            XCTAssertEqual(features, try again.features(of: tone))
            XCTAssertEqual(model.weightsHash, again.weightsHash)
            XCTAssertNotEqual(features, try model.features(of: TinyModel.tone(310, seconds: 0.8)))
            XCTAssertEqual(features.values.count, features.count * features.width)
            XCTAssertEqual(features.encoderStates.count, 4, "stem, two blocks, norm")
            XCTAssertTrue(features.values.allSatisfy(\.isFinite))
            XCTAssertNotEqual(model.weightsHash, try TinyModel.load(in: folder, seed: 2).weightsHash)
        }
    }

    func testAudioStandsWhereTheMaskSays() throws {
        try withModel { model in
            let features = try model.features(of: TinyModel.tone(140, seconds: 1.1))
            let prompt = try model.prompt(hearing: features)
            XCTAssertEqual(prompt.audioMask.count { $0 }, features.count)
            let x = try prompt.embeddings.asArray(), width = features.width
            let first = try XCTUnwrap(prompt.audioMask.firstIndex(of: true))
            XCTAssertEqual(Array(x[first * width..<(first + features.count) * width]), features.values)
            var wrong = features
            wrong.count += 1
            XCTAssertThrowsError(try model.prompt(hearing: wrong)) { XCTAssertTrue($0 is ModelError) }
        }
    }

    func testClipsThatAreTooShortOrTooLong() throws {
        try withModel { model in
            for (clip, expected) in [
                (Waveform(samples: [], sampleRate: 16_000), "0 samples"),
                (Waveform(samples: [0.1], sampleRate: 16_000), "1 samples"),
                (TinyModel.tone(200, seconds: 0.03), "too short"), (TinyModel.tone(200, seconds: 7), "at most 6 s"),
            ] {
                XCTAssertThrowsError(try model.features(of: clip)) {
                    XCTAssertTrue(($0 is ModelError || $0 is SpeechError) && "\($0)".contains(expected), "\($0)")
                }
            }
            let silence = Waveform(samples: [Float](repeating: 0, count: 8_000), sampleRate: 16_000)
            XCTAssertTrue(try model.features(of: silence).values.allSatisfy(\.isFinite))
        }
    }
}
