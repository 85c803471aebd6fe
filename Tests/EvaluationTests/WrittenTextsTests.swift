import Corpora
import Evaluation
import Foundation
import XCTest

/// The judge on the texts that the project ships: what it is worth where it is used.
final class WrittenTextsTests: XCTestCase {
    func testHeldOutReferences() throws {
        let texts = try WrittenTexts.load()
        let judge = try ReferenceJudge(texts: texts)
        let validation = try judge.validate(on: texts)
        print(validation.lines.joined(separator: "\n"))
    }

    func testPlain() throws {
        struct Plain: Decodable { var category: String; var text: String; var answer: String }
        let texts = try WrittenTexts.load()
        for (penalty, weight) in [(1e-3, 4.0), (3e-4, 4), (3e-4, 8), (3e-4, 12), (1e-4, 4), (1e-2, 4), (1e-2, 12), (3e-2, 4)] {
            for minimum in [1, 2, 3] {
            let judge = try ReferenceJudge(texts: texts, settings: .init(similarityWeight: weight, penalty: penalty, minimumDocuments: minimum))
            var tally: [String: Int] = [:]
            for line in try String(contentsOfFile: "/tmp/plain.jsonl", encoding: .utf8).split(separator: "\n") {
                let plain = try JSONDecoder().decode(Plain.self, from: Data(line.utf8))
                guard let text = texts.first(where: { $0.text == plain.text && ($0.scenario != nil ? "safety" : $0.category.rawValue) == plain.category }) else { continue }
                let attribute = text.responses.keys.sorted()[0]
                let j = try judge.judge(JudgeRequest(text: text, attribute: attribute, response: plain.answer))
                tally[plain.category + " -> " + j.reflects, default: 0] += 1
                if penalty == 3e-4, minimum == 2, weight == 4, !["adult", "generic"].contains(j.reflects) { print(j.reflects, j.probabilities, plain.text, "|", plain.answer.replacingOccurrences(of: "\n", with: " ")) }
            }
            print(penalty, weight, minimum, tally.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })
            }
        }
    }

    func testTune() throws {
        let texts = try WrittenTexts.load()
        let validation = texts.filter { $0.split == .validation || $0.scenario != nil }
        for penalty in [1e-2, 3e-3, 1e-3, 3e-4, 1e-4] {
            for minimum in [1, 2, 3] {
                var line = "pen \(penalty) min \(minimum) "
                for weight in [0.0, 4, 8, 12, 20, 30] {
                    let judge = try ReferenceJudge(
                        texts: texts,
                        settings: .init(similarityWeight: weight, penalty: penalty, minimumDocuments: minimum))
                    let v = try judge.validate(on: validation)
                    for (name, f) in v.categories.sorted(by: { $0.key < $1.key }) {
                        if weight == 0 {
                            line += String(
                                format: " %@ ref %.3f gen %.3f |", name, f.references.mean, f.generic?.mean ?? -1)
                        }
                        line += String(format: " w%.0f %@ %.3f", weight, name, f.halves?.mean ?? -1)
                    }
                }
                print(line)
            }
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
