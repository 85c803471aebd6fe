import Foundation

/// Fluent Speech Commands as it is unpacked: `data/train_data.csv`, `valid_data.csv`, `test_data.csv`,
/// `data/speaker_demographics.csv`, and `wavs/`.
///
/// The intent is action, object and location without "none", as in this package's own commands: `activate_lights_kitchen`.
/// Its lists are the splits: they share no speakers, but nearly all texts.
public struct FluentSpeechImporter: CorpusImporter {
    public let expects = "a folder with wavs/ and data/{train,valid,test}_data.csv"
    public init() {}

    public func read(_ source: URL, into list: ImportList) throws {
        let intents = Set(try CorpusTexts.bundled().commands.map(\.intent))
        let data = source.appendingPathComponent("data")
        let speakers = try speakers(data.appendingPathComponent("speaker_demographics.csv"))
        let lists: [(String, Split)] = [("train", .train), ("valid", .validation), ("test", .test)]
        for (name, split) in lists {
            let table = try DelimitedFile(
                data.appendingPathComponent("\(name)_data.csv"), expected: "expected \(expects)")
            try table.require(["path", "speakerId", "transcription", "action", "object", "location"])
            try table.forEachRow { place, row in
                try list.add(place) {
                    let record = try row(), speaker = try record.name("speakerId"), path = try record.name("path")
                    guard let voice = speakers[speaker] else {
                        throw record.wrong("speakerId", "a speaker of speaker_demographics.csv")
                    }
                    let slots = try ["action", "object", "location"].map { try record.name($0) }
                    let intent = slots.filter { $0 != "none" }.joined(separator: "_").lowercased()
                        .replacingOccurrences(of: " ", with: "_")
                    guard intents.contains(intent) else {
                        throw record.wrong(
                            "action", "with object and location one of the 31 intents, not \"\(intent)\"")
                    }
                    let url = try ImportFolder.inside(source, path, record, "path")
                    return ImportClip(
                        source: url,
                        utterance: Utterance(
                            id: "fsc-\(url.deletingPathExtension().lastPathComponent)", audio: "",
                            text: try record.text("transcription"), speaker: "fsc-\(speaker)", engine: "human",
                            split: split, intent: intent, voice: voice.isEmpty ? nil : voice))
                }
            }
        }
    }

    /// Labels of the voice by speaker.
    private func speakers(_ file: URL) throws -> [String: [String: String]] {
        let table = try DelimitedFile(file, expected: "expected \(expects)")
        try table.require(["speakerId", "gender", "ageRange"])
        // The data set's own name ends with a blank; names are read without.
        let fluency = "Self-reported fluency level"
        var speakers: [String: [String: String]] = [:]
        try table.forEachRow { _, row in
            let record = try row()
            var voice: [String: String] = [:]
            voice["gender"] = try record.mapped("gender", ["male": "male", "female": "female"])
            if let range = try record.optionalName("ageRange") {
                // 22-40, 41-65, 65+: by both ends, so that a range across our limits has no label.
                let ends = range.split { !$0.isNumber }.compactMap { Int($0) }
                guard let first = ends.first, let last = ends.last, ends.count <= 2 else {
                    throw record.wrong("ageRange", "years like 22-40 or 65+")
                }
                let age = VoiceWords.age(years: first)
                voice["age"] = age == VoiceWords.age(years: last) ? age : nil
            }
            voice["fluency"] = try record.optionalName(fluency)
            speakers[try record.name("speakerId")] = voice
        }
        return speakers
    }
}
