import AudioLanguageModels
import Checkpoints
import Corpora
import Foundation
import MLX

extension LanguageAlignment {
    /// Tokens of an answer to be imitated; longer ones are cut, and their end is not learnt.
    static let answerTokens = 40
    /// Texts answered in one pass, and between two writes of the file.
    static let answersOfAPass = 64, answersOfAWrite = 512

    /// What the file of answers says, written as they come: reading thousands of texts takes as long as a part of the training.
    private struct Answers: Codable, Equatable {
        var baseModel: String
        /// SHA-256 of the texts in their order.
        var texts: String
        var engine: String
        /// Where sums are cut: results are bit-equal for a fixed number of threads only.
        var threads: Int
        /// Token ids, in the order of the texts; as many as are done.
        var answers: [[Int32]] = []
    }

    /// What the model says to the text of each clip, once a text, as token ids with the stop token where it came to one.
    /// - Parameters:
    ///   - model: without an adapter: what it says to a text is what will be learnt.
    ///   - file: holds what is done, so that an interruption loses a few hundred texts at most.
    ///   - resume: go on from the file; without it one that is there is an error, as is one of another run.
    ///   - progress: texts done, texts in all.
    public static func answers(
        to clips: [Utterance], model: any AudioLanguageModel, file: URL, resume: Bool,
        progress: (Int, Int) -> Void = { _, _ in }, shouldStop: () -> Bool = { false }
    ) throws -> [String: [Int32]] {
        let prompts = try Set(clips.map(\.text)).sorted().map { (text: $0, prompt: try model.prompt(reading: $0)) }
            // Texts of like length in one pass.
            .sorted { ($0.prompt.count, $0.text) < ($1.prompt.count, $1.text) }
        let stop = model.answerTokens("").suffix(1)
        var done = Answers(
            baseModel: model.weightsHash,
            texts: Checksum.sha256(Data(prompts.map(\.text).joined(separator: "\n").utf8)),
            engine: engineVersion, threads: Device.threads)
        if FileManager.default.fileExists(atPath: file.path) {
            guard resume else {
                throw FineTuningError(
                    "\(file.path) is of a run that was interrupted: give --resume to continue it, or another --out")
            }
            done.answers = try stored(file, like: done, count: prompts.count, model.decoder.config.vocabularySize)
            progress(done.answers.count, prompts.count)
        }
        while done.answers.count < prompts.count {
            let first = done.answers.count, part = prompts[first..<min(first + answersOfAWrite, prompts.count)]
            done.answers += try model.generate(
                part.map(\.prompt), maximumTokens: answerTokens, batch: answersOfAPass,
                progress: { done, _ in progress(first + done, prompts.count) }, shouldStop: shouldStop
            ).map { $0.count < answerTokens ? $0 + stop : $0 }
            try AtomicFile.write(JSONEncoder().encode(done), to: file)
        }
        return Dictionary(uniqueKeysWithValues: zip(prompts.map(\.text), done.answers))
    }

    private static func stored(_ file: URL, like run: Answers, count: Int, _ vocabulary: Int) throws -> [[Int32]] {
        let size = try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? .max
        guard size <= CheckpointLimits.jsonFile,
            let read = try? JSONDecoder().decode(Answers.self, from: Data(contentsOf: file))
        else { throw FineTuningError("\(file.path): not a file of answers; remove it to start anew") }
        var expected = run
        expected.answers = read.answers
        guard read == expected else {
            throw FineTuningError(
                "\(file.path) was made by another run: its texts, model, engine or threads differ; use the same command, or remove it to start anew"
            )
        }
        guard read.answers.count <= count, read.answers.joined().allSatisfy({ $0 >= 0 && Int($0) < vocabulary }) else {
            throw FineTuningError("\(file.path): its answers are not this model's; remove it to start anew")
        }
        return read.answers
    }
}
