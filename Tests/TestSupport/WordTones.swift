import Corpora
import Foundation
import Speech

/// Plain speech in miniature: four words of the tiny model's vocabulary, a pitch for each.
public enum WordTones {
    private static let words = ["the", "you", "and", "st"]

    /// Writes the clips into `folder` and returns their lines, training first.
    public static func write(to folder: URL, train: Int, validation: Int = 4) throws -> [Utterance] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return try (0..<train + validation).map { i in
            let word = i % words.count
            // A little higher each time, so that no two clips are alike.
            let tone = TinyModel.tone(Float(150 + 120 * word + i), seconds: 0.6)
            try WAVFile.write(tone, to: folder.appendingPathComponent("\(i).wav"))
            return Utterance(
                id: "sentence-\(i)", audio: "\(i).wav", text: words[word], speaker: "s\(i % 3)", engine: "tone",
                split: i < train ? .train : .validation)
        }
    }
}
