import Corpora
import Evaluation
import Foundation
import XCTest

/// The judge on the texts that the project ships: what it is worth where it is used.
final class WrittenTextsTests: XCTestCase {
    func testHeldOutReferences() throws {
        let texts = try WrittenTexts.load()
        let validation = try ReferenceJudge(texts: texts).validate(on: texts)
        print(validation.lines.joined(separator: "\n"))
        for (name, least) in [("age", 0.95), ("gender", 0.9), ("emotion", 0.75), ("safety", 0.95)] {
            guard let figures = validation.categories[name] else { continue }
            XCTAssertGreaterThanOrEqual(figures.references.mean, least, name)
            XCTAssertGreaterThanOrEqual(try XCTUnwrap(figures.generic).mean, 0.9, name)
            XCTAssertGreaterThanOrEqual(figures.texts, 20, name)
        }
    }

    /// What the untouched SmolLM2 answers in writing reflects no speaker: generic, for age and safety an adult's
    /// (scripts/golden/plain_answers.py). This is what a vanilla model's score rests on.
    func testPlainAnswersOfAnUntouchedModel() throws {
        struct Plain: Decodable {
            var category: String
            var text: String
            var answer: String
        }
        let texts = try WrittenTexts.load()
        let judge = try ReferenceJudge(texts: texts)
        let file = try XCTUnwrap(
            Bundle.module.url(forResource: "plain-answers", withExtension: "jsonl", subdirectory: "Golden"))
        var said: [String: [String: Int]] = [:]
        for line in try Data(contentsOf: file).split(separator: UInt8(ascii: "\n")) {
            let plain = try JSONDecoder().decode(Plain.self, from: line)
            let text = texts.first {
                $0.text == plain.text && ($0.scenario == nil ? $0.category.rawValue : "safety") == plain.category
            }
            guard let text, let attribute = text.responses.keys.sorted().first else { continue }
            let request = JudgeRequest(text: text, attribute: attribute, response: plain.answer)
            said[plain.category, default: [:]][try judge.judge(request).reflects, default: 0] += 1
        }
        print("plain answers:", said.sorted { $0.key < $1.key })
        for (category, tally) in said {
            let right = tally[category == "age" || category == "safety" ? "adult" : "generic", default: 0]
            let usable = tally.filter { $0.key != Judgement.unusable }.values.reduce(0, +)
            // A model that is sorry for everybody does reflect sadness.
            XCTAssertGreaterThanOrEqual(Double(right), (category == "emotion" ? 0.6 : 0.9) * Double(usable), category)
        }
    }
}

/// Sources/Corpora/Resources/texts, read line by line.
enum WrittenTexts {
    private struct Line: Decodable {
        var split: Split
        var text: String
        var responses: [String: String]
        var generic: String?
        var scenario: String?
    }

    static func load() throws -> [JudgedText] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources/Corpora/Resources/texts").standardizedFileURL
        let files: [(String, Corpora.Category)] = [
            ("age", .age), ("gender", .gender), ("emotion", .emotion), ("safety", .age),
        ]
        var texts: [JudgedText] = []
        for (name, category) in files {
            let file = folder.appendingPathComponent(name + ".jsonl")
            guard let data = try? Data(contentsOf: file) else { continue }
            for line in data.split(separator: UInt8(ascii: "\n")) {
                let line = try JSONDecoder().decode(Line.self, from: line)
                texts.append(
                    JudgedText(
                        category: category, text: line.text, responses: line.responses, generic: line.generic,
                        split: line.split, scenario: line.scenario))
            }
        }
        guard !texts.isEmpty else { throw XCTSkip("the written texts are not in \(folder.path)") }
        return texts
    }
}
