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
            ("words-0", "st and you the", .train), ("sentence-1", "and the", .validation),
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
            XCTAssertEqual(clips.map(\.id), ["sentence-0", "text-0", "text-1"], "sentences of the training split")
            XCTAssertEqual(LanguageAlignment.clips(of: corpus, count: 2, seed: 1).count, 2)
            func heard(_ clip: Utterance) throws -> AudioFeatures {
                try model.features(of: AudioFile.read(corpus.url(of: clip)))
            }
            let both = try LanguageAlignment.examples(
                clips, tasks: [.transcription, .distillation], model: model, features: heard)
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
                try LanguageAlignment.examples(clips, tasks: [.transcription], model: model, features: heard).count, 3)
        }
    }

    func testTheLossFallsWithoutHeadsAndWithThemAnExampleMustHaveALabel() throws {
        try withTemporaryFolder { folder in
            let corpus = try corpus(in: folder), model = try TinyModel.load(in: folder)
            let clips = LanguageAlignment.clips(of: corpus, count: 10, seed: 1)
            let examples = try LanguageAlignment.examples(
                clips, tasks: [.transcription], model: model,
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
