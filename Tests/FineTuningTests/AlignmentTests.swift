import AudioLanguageModels
import Checkpoints
import Corpora
import FineTuning
import Foundation
import MLX
import Speech
import TestSupport
import XCTest

/// The projector's training in miniature: tones that stand for words.
final class AlignmentTests: XCTestCase {
    private func aligned(
        in folder: URL, _ clips: [Utterance], steps: Int, initial: URL? = nil, encoderRate: Float = 0,
        stopAfter: Int? = nil, resume: Bool = false, to name: String
    ) throws -> (losses: [Float], file: URL, alignment: Alignment) {
        let own = folder.appendingPathComponent("model", isDirectory: true)
        if !FileManager.default.fileExists(atPath: own.path) { try TinyModel().write(to: own) }
        let model = try SmolModel(folder: own, name: "tiny", withoutProjector: true)
        var options = AlignmentOptions()
        (options.steps, options.batchSize, options.initial) = (steps, 6, initial)
        (options.dropout, options.learningRate, options.voiceDimensions) = (0, 5e-3, 4)
        options.speedChange = 0  // here the pitch is the word
        options.encoderLearningRate = encoderRate
        let alignment = try Alignment(model: model, options: options)
        try alignment.encode(clips, in: folder)
        var losses: [Float] = []
        let checkpoint = stopAfter == nil && !resume ? nil : folder.appendingPathComponent("checkpoint")
        let file = folder.appendingPathComponent(name)
        do {
            try alignment.run(
                checkpoint: checkpoint, resume: resume, progress: { if let loss = $0.loss { losses.append(loss) } },
                shouldStop: { losses.count == stopAfter })
            try alignment.save(to: file, metadata: [:])
        } catch is CancellationError where stopAfter != nil {}
        return (losses, file, alignment)
    }

    func testTheLossFallsAndTheSameSeedGivesTheSameBytes() throws {
        try withTemporaryFolder { folder in
            let clips = try WordTones.write(to: folder, train: 12)
            let first = try aligned(in: folder, clips, steps: 40, to: "a.safetensors")
            XCTAssertEqual(first.losses.count, 40)
            XCTAssertEqual(first.alignment.validation.count, 4)
            XCTAssertLessThan(try XCTUnwrap(first.losses.last), 0.5 * (try XCTUnwrap(first.losses.first)))
            let again = try aligned(in: folder, clips, steps: 40, to: "b.safetensors")
            XCTAssertEqual(try Data(contentsOf: first.file), try Data(contentsOf: again.file))
        }
    }

    /// Stopped in the middle of a pass over the clips and resumed: the same bytes as without a stop, the trained encoder's too.
    func testAResumedTrainingGivesTheSameBytes() throws {
        for encoderRate in [Float(0), 1e-3] {
            try withTemporaryFolder { folder in
                let clips = try WordTones.write(to: folder, train: 12)
                let whole = try aligned(
                    in: folder, clips, steps: 9, encoderRate: encoderRate, to: "whole.safetensors")
                let part = try aligned(
                    in: folder, clips, steps: 9, encoderRate: encoderRate, stopAfter: 5, to: "part.safetensors")
                XCTAssertFalse(FileManager.default.fileExists(atPath: part.file.path))
                let rest = try aligned(
                    in: folder, clips, steps: 9, encoderRate: encoderRate, resume: true, to: "part.safetensors")
                XCTAssertEqual(part.losses + rest.losses, whole.losses)
                XCTAssertEqual(try Data(contentsOf: rest.file), try Data(contentsOf: whole.file))
                XCTAssertThrowsError(
                    try aligned(
                        in: folder, clips, steps: 10, encoderRate: encoderRate, resume: true, to: "c.safetensors")
                ) { XCTAssertTrue("\($0)".contains("made by another run: its settings differ"), "\($0)") }
            }
        }
    }

    /// The encoder learns where it has a rate, is written with the projector, and takes the published one's place on reading;
    /// else it stays as it is and out of the file.
    func testTheEncoderIsTrainedOnlyWhenAskedFor() throws {
        try withTemporaryFolder { folder in
            let clips = try WordTones.write(to: folder, train: 12)
            let own = folder.appendingPathComponent("model", isDirectory: true)
            let frozen = try aligned(in: folder, clips, steps: 3, to: "frozen.safetensors")
            XCTAssertFalse(try SafetensorsFile(frozen.file).names.contains { $0.hasPrefix("audio_tower.") })
            let tuned = try aligned(in: folder, clips, steps: 40, encoderRate: 1e-3, to: "tuned.safetensors")
            XCTAssertLessThan(try XCTUnwrap(tuned.losses.last), 0.5 * (try XCTUnwrap(tuned.losses.first)))
            let sound = TinyModel.tone(220, seconds: 0.6)
            let published = try SmolModel(folder: own, name: "tiny", projector: frozen.file)
            let read = try SmolModel(folder: own, name: "tiny", projector: tuned.file)
            XCTAssertNotEqual(published.weightsHash, read.weightsHash)
            for (path, parameter) in read.encoder.namedParameters() {
                let before = try XCTUnwrap(published.encoder.parameters()[path]), after = try XCTUnwrap(parameter.array)
                let moved = try abs(after.asType(.float32) - before.asType(.float32)).max().item()
                if path.hasPrefix("embed_positions") {
                    XCTAssertLessThan(moved, 1e-3, "\(path): half precision")
                } else {
                    XCTAssertGreaterThan(moved, 2e-3, path)
                }
            }
            // What is read is what was trained, but for half precision; and the words of a training clip are heard.
            let trained = try tuned.alignment.model.features(of: sound), again = try read.features(of: sound)
            XCTAssertEqual(trained.count, again.count)
            for (a, b) in zip(trained.encoderStates.joined(), again.encoderStates.joined()) {
                XCTAssertEqual(a, b, accuracy: 0.02)
            }
            // A training that starts from it keeps it.
            let next = try aligned(in: folder, clips, steps: 2, initial: tuned.file, to: "next.safetensors")
            let (first, second) = (try SafetensorsFile(tuned.file), try SafetensorsFile(next.file))
            for name in first.names where name.hasPrefix("audio_tower.") {
                XCTAssertEqual(try first.data(name), try second.data(name), name)
            }
        }
    }

    /// No steps: content and vocabulary stay to the bit, the voice is that of the clips given.
    func testNoStepsSetTheVoiceAlone() throws {
        try withTemporaryFolder { folder in
            let clips = try WordTones.write(to: folder, train: 12)
            let trained = try aligned(in: folder, clips, steps: 3, to: "trained.safetensors")
            let fewer = clips.filter { $0.text != "you" }
            let set = try aligned(in: folder, fewer, steps: 0, initial: trained.file, to: "set.safetensors")
            XCTAssertTrue(set.losses.isEmpty)
            let (before, after) = (try SafetensorsFile(trained.file), try SafetensorsFile(set.file))
            XCTAssertEqual(before.names.sorted(), after.names.sorted())
            for name in before.names {
                let (old, new) = (try before.array(name), try after.array(name))
                let same =
                    name == "tokens"
                    ? try old.asInt32Array() == new.asInt32Array()
                    : try old.asType(.float32).asArray() == new.asType(.float32).asArray()
                XCTAssertEqual(same, !name.hasPrefix("voice_"), name)
            }
        }
    }

    /// The voice vector's mean square length is what the options say, and a main direction's share of it falls with the deviation
    /// that the clips have along it.
    func testEachDirectionOfTheVoiceHasItsShareOfTheLength() throws {
        try withTemporaryFolder { folder in
            let clips = try WordTones.write(to: folder, train: 12)
            let (_, file, alignment) = try aligned(in: folder, clips, steps: 2, to: "projector.safetensors")
            let E = try alignment.model.decoder.embedTokens.weight.asArray()
            let width = alignment.model.config.decoder.hiddenSize
            let norms = stride(from: 0, to: E.count, by: width).map { i in
                E[i..<i + width].reduce(0) { $0 + $1 * $1 }.squareRoot()
            }
            let length = AlignmentOptions().voiceLevel * norms.reduce(0, +) / Float(norms.count)
            let written = try SafetensorsFile(file)
            let weight = try written.array("voice_weight").asType(.float32).asArray()
            let mean = try written.array("voice_mean").asType(.float32).asArray()
            let rows = stride(from: 0, to: weight.count, by: mean.count).map { Array(weight[$0..<$0 + mean.count]) }
            func dot(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
            let centred = alignment.train.map { zip($0.voice, mean).map { $0 - $1 } }
            var voices = centred.map { clip in rows.map { dot($0, clip) } }
            let square = { (v: [[Float]]) in v.reduce(0) { $0 + dot($1, $1) } / Float(v.count) }
            XCTAssertEqual(square(voices), length * length, accuracy: 0.05 * length * length)
            // The voices' own main directions, one after the other, and what the clips' statistics vary along each.
            var found: [(share: Float, deviation: Float)] = []
            for _ in 0..<4 {
                var d = voices.max { dot($0, $0) < dot($1, $1) } ?? []
                for _ in 0..<300 {
                    var next = [Float](repeating: 0, count: d.count)
                    for v in voices {
                        let c = dot(v, d)
                        for i in next.indices { next[i] += c * v[i] }
                    }
                    let norm = dot(next, next).squareRoot()
                    d = next.map { $0 / norm }
                }
                var p = [Float](repeating: 0, count: mean.count)
                for (row, weight) in zip(rows, d) { for i in p.indices { p[i] += weight * row[i] } }
                let norm = dot(p, p).squareRoot()
                let along = centred.map { dot($0, p) / norm }
                let part = voices.map { dot($0, d) }
                found.append(
                    (
                        dot(part, part) / Float(part.count) / (length * length),
                        (dot(along, along) / Float(along.count)).squareRoot()
                    ))
                voices = zip(voices, part).map { v, c in zip(v, d).map { $0 - c * $1 } }
            }
            let total = found.reduce(0) { $0 + $1.deviation }
            for (share, deviation) in found { XCTAssertEqual(share, deviation / total, accuracy: 0.02) }
            XCTAssertGreaterThan(found[0].share, 1.5 * found[3].share)
        }
    }

    /// Training clips last longer or shorter than they are, by a share that the seed draws; held-out ones do not.
    func testTrainingClipsAreHeardAtDrawnSpeeds() throws {
        try withTemporaryFolder { folder in
            let clips = try WordTones.write(to: folder, train: 12)
            let own = folder.appendingPathComponent("model", isDirectory: true)
            try TinyModel().write(to: own)
            let model = try SmolModel(folder: own, name: "tiny", withoutProjector: true)
            func counts(_ change: Double, seed: UInt64 = 1) throws -> (train: [Int], validation: [Int]) {
                var options = AlignmentOptions()
                (options.speedChange, options.seed) = (change, seed)
                let alignment = try Alignment(model: model, options: options)
                try alignment.encode(clips, in: folder)
                return (alignment.train.map(\.count), alignment.validation.map(\.count))
            }
            let (plain, drawn) = (try counts(0), try counts(0.4))
            XCTAssertEqual(Set(plain.train).count, 1)
            XCTAssertEqual(plain.validation, drawn.validation)
            let length = Double(plain.train[0])
            XCTAssertTrue(drawn.train.contains { Double($0) < length * 0.95 })
            XCTAssertTrue(drawn.train.contains { Double($0) > length * 1.05 })
            XCTAssertTrue(drawn.train.allSatisfy { (length / 1.4 - 1...length / 0.6 + 1).contains(Double($0)) })
            XCTAssertEqual(drawn.train, try counts(0.4).train)
            XCTAssertNotEqual(drawn.train, try counts(0.4, seed: 2).train)
        }
    }
}
