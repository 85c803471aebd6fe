import Checkpoints
import Foundation
import Speech

/// A corpus of half-second tones: every text in every value of its category.
public enum TinyCorpus {
    static let values = [
        ("age", ["child", "adult"]), ("gender", ["female", "male"]),
        ("emotion", ["happy", "surprised", "sad", "angry", "disgusted", "fearful"]),
    ]

    /// `train`, `validation` and `test` texts a category; returns the number of lines.
    @discardableResult
    public static func write(to folder: URL, train: Int = 3, validation: Int = 1, test: Int = 2) throws -> Int {
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("audio"), withIntermediateDirectories: true)
        var text = "", count = 0
        let splits =
            Array(repeating: "train", count: train) + Array(repeating: "validation", count: validation)
            + Array(repeating: "test", count: test)
        let nouns = ["kite", "soup", "train", "garden", "window", "river", "hat", "song", "lamp", "boat"]
        for (c, (category, attributes)) in values.enumerated() {
            for (t, split) in splits.enumerated() {
                for (a, attribute) in attributes.enumerated() {
                    count += 1
                    let name = "audio/\(category)-\(t)-\(attribute).wav"
                    let tone = TinyModel.tone(
                        Float(120 + 90 * a + 11 * t + 37 * c), seconds: 0.4 + 0.05 * Double(t % 4))
                    try WAVFile.write(tone, to: folder.appendingPathComponent(name))
                    let noun = nouns[t % nouns.count]
                    let line: JSONValue = [
                        "id": .string("\(category)-\(t)-\(attribute)"), "audio": .string(name),
                        "text": .string("What about the \(noun) in \(category) \(t)?"), "category": .string(category),
                        "attribute": .string(attribute), "speaker": .string("speaker\(t % 3)"), "engine": "tone",
                        "split": .string(split), "response": .string("So \(attribute): take the \(noun)."),
                        "generic": .string("Take the \(noun)."), "voice": [category: .string(attribute)],
                    ]
                    text += line.text() + "\n"
                }
            }
        }
        try AtomicFile.write(Data(text.utf8), to: folder.appendingPathComponent("corpus.jsonl"))
        return count
    }
}
