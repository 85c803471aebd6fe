import AudioLanguageModels
import Corpora
import FineTuning
import Foundation
import Speech
import TestSupport
import XCTest

/// The language stage in miniature.
final class LanguageAlignmentTests: XCTestCase {
    private func corpus(in folder: URL) throws -> Corpus {
        let lines: [(id: String, text: String, split: Split)] = [
            ("sentence-0", "the lamp", .train), ("text-0", "you and the st", .train), ("text-1", "the lamp", .train),
            ("sentence-1", "and the", .validation),
        ]
        let utterances = try lines.enumerated().map { i, line in
            try WAVFile.write(
                TinyModel.tone(Float(150 + 60 * i), seconds: 0.4 + 0.1 * Double(i)),
                to: folder.appendingPathComponent("\(i).wav"))
            return Utterance(
                id: line.id, audio: "\(i).wav", text: line.text, speaker: "s", engine: "tone", split: line.split)
        }
        return Corpus(folder: folder, utterances: utterances)
    }

    func testWhatIsLearntIsTheTextAndTheModelsOwnAnswerToIt() throws {
        try withTemporaryFolder { folder in
            let corpus = try corpus(in: folder), model = try TinyModel.load(in: folder)
            let clips = LanguageAlignment.clips(of: corpus, count: 10, seed: 1)
            XCTAssertEqual(clips.map(\.id), ["sentence-0", "text-0", "text-1"], "the training split")
            XCTAssertEqual(LanguageAlignment.clips(of: corpus, count: 2, seed: 1).count, 2)
            func heard(_ clip: Utterance) throws -> AudioFeatures {
                try model.features(of: AudioFile.read(corpus.url(of: clip)))
            }
            let answers = try LanguageAlignment.answers(
                to: clips, model: model, file: folder.appendingPathComponent("answers.json"), resume: false)
            let both = try LanguageAlignment.examples(
                clips, transcribing: true, answers: answers, model: model, features: heard)
            XCTAssertEqual(
                both.filter { $0.id.hasSuffix(" repeat") }.map(\.answer), clips.map { model.answerTokens($0.text) })
            for example in both where example.id.hasSuffix(" answer") {
                let clip = try XCTUnwrap(clips.first { example.id == $0.id + " answer" })
                let said = try model.generate([model.prompt(reading: clip.text)], maximumTokens: 40)[0]
                let stop = said.count < 40 ? model.answerTokens("") : []
                XCTAssertEqual(example.answer, said + stop, "what it says to the text")
                let prompt = try model.prompt(hearing: heard(clip))
                XCTAssertEqual(example.prompt.inputIDs, prompt.inputIDs, "to the clip alone")
            }
            XCTAssertEqual(
                try LanguageAlignment.examples(
                    clips, transcribing: true, answers: [:], model: model, features: heard
                ).count, 3)
        }
    }

    func testAnswersAreKeptAndAFileThatDoesNotFitIsRefused() throws {
        try withTemporaryFolder { folder in
            let model = try TinyModel.load(in: folder), file = folder.appendingPathComponent("answers.json")
            // More than are written at once.
            let clips = (0..<600).map {
                Utterance(id: "\($0)", audio: "a.wav", text: "the \($0)", speaker: "s", engine: "tone", split: .train)
            }
            func answers(_ clips: [Utterance], resume: Bool, _ stop: @escaping (Int) -> Bool = { _ in false }) throws
                -> (answers: [String: [Int32]], first: Int?)
            {
                var seen: [Int] = []
                let answers = try LanguageAlignment.answers(
                    to: clips, model: model, file: file, resume: resume, progress: { done, _ in seen.append(done) },
                    shouldStop: { stop(seen.last ?? 0) })
                return (answers, seen.first)
            }
            let straight = try answers(clips, resume: false).answers
            XCTAssertEqual(straight.count, 600)
            try FileManager.default.removeItem(at: file)
            XCTAssertThrowsError(try answers(clips, resume: false) { $0 >= 512 }) {
                XCTAssertTrue($0 is CancellationError)
            }
            XCTAssertThrowsError(try answers(clips, resume: false)) {
                XCTAssertTrue("\($0)".contains("--resume"), "\($0)")
            }
            let rest = try answers(clips, resume: true)
            XCTAssertEqual(rest.first, 512, "what is done is not done again")
            XCTAssertEqual(rest.answers, straight)
            XCTAssertThrowsError(try answers(Array(clips.dropLast()), resume: true)) {
                XCTAssertTrue("\($0)".contains("another run"), "\($0)")
            }
            let whole = try String(contentsOf: file, encoding: .utf8)
            let id = try XCTUnwrap(whole.range(of: "[["))
            for bad in [
                "", "[]", whole.replacingCharacters(in: id, with: "[[-1,"),
                whole.replacingCharacters(in: id, with: "[[300,"), whole.replacingCharacters(in: id, with: "[[],["),
            ] {
                try Data(bad.utf8).write(to: file)
                XCTAssertThrowsError(try answers(clips, resume: true)) {
                    XCTAssertTrue("\($0)".contains("remove it to start anew"), "\($0)")
                }
            }
        }
    }

    func testTheLossFallsWithoutHeadsAndWithThemAnExampleMustHaveALabel() throws {
        try withTemporaryFolder { folder in
            let corpus = try corpus(in: folder), model = try TinyModel.load(in: folder)
            let clips = LanguageAlignment.clips(of: corpus, count: 10, seed: 1)
            let examples = try LanguageAlignment.examples(
                clips, transcribing: true, answers: [:], model: model,
                features: { try model.features(of: AudioFile.read(corpus.url(of: $0))) })
            var config = TinyRun.config(steps: 30)
            (config.firstLayer, config.lastLayer, config.adch) = (0, 3, false)
            let trainer = try Trainer(model: model, examples: examples, config: config)
            let losses = try (0..<30).map { _ in try trainer.train().loss }
            XCTAssertLessThan(losses[29], 0.5 * losses[0])
            config.adch = true
            XCTAssertThrowsError(try Trainer(model: model, examples: examples, config: config)) {
                XCTAssertTrue("\($0)".contains("sentence-0 repeat has no category"), "\($0)")
            }
        }
    }
}
