import Foundation

/// A language of Common Voice as it is unpacked: `clips/` and `train.tsv`, `dev.tsv`, `test.tsv`.
///
/// The three lists are the splits; they share no speakers. Without them `validated.tsv` is read and split by speaker.
/// Columns go by name, as releases differ; quotation marks are letters. The category is gender where the speaker told
/// it. Twenties to nineties are adult; teens are neither child nor adult here and get no age.
public struct CommonVoiceImporter: CorpusImporter {
    public let expects = "a language's folder: clips/, train.tsv, dev.tsv, test.tsv"
    public init() {}

    /// In early releases and since the choice was widened; who chose neither word has no label here.
    private static let genders: [String: String?] = [
        "male": "male", "female": "female", "male_masculine": "male", "female_feminine": "female", "other": nil,
        "intersex": nil, "transgender": nil, "non-binary": nil, "do_not_wish_to_say": nil,
    ]
    /// "fourties" is how the data set writes it.
    private static let ages: [String: String?] = [
        "teens": nil, "twenties": "adult", "thirties": "adult", "fourties": "adult", "forties": "adult",
        "fifties": "adult", "sixties": "adult", "seventies": "adult", "eighties": "adult", "nineties": "adult",
        "do_not_wish_to_say": nil,
    ]

    public func read(_ source: URL, into list: ImportList) throws {
        let lists: [(String, Split?)] = [("train.tsv", .train), ("dev.tsv", .validation), ("test.tsv", .test)]
        let found = lists.filter { ImportFolder.exists(source.appendingPathComponent($0.0)) }
        for (name, split) in found.isEmpty ? [("validated.tsv", nil)] : found {
            let table = try DelimitedFile(
                source.appendingPathComponent(name), expected: "expected \(expects)", quoting: .none)
            try table.require(["client_id", "path", "sentence"])
            try table.forEachRow { place, row in
                try list.add(place) { try clip(row(), in: source.appendingPathComponent("clips"), split) }
            }
        }
    }

    private func clip(_ record: Record, in folder: URL, _ split: Split?) throws -> ImportClip {
        var name = try record.name("path")
        guard !name.contains("/") else { throw record.wrong("path", "the name of a file in clips") }
        // The first releases leave the ending out.
        if !name.contains(".") { name += ".mp3" }
        let gender = try record.mapped("gender", Self.genders)
        var voice: [String: String] = [:]
        voice["gender"] = gender
        voice["age"] = try record.mapped("age", Self.ages)
        voice["decade"] = try record.optionalName("age")
        let stem = name.split(separator: ".").first.map(String.init) ?? name
        return ImportClip(
            source: folder.appendingPathComponent(name),
            utterance: Utterance(
                id: "common-voice-\(stem)", audio: "", text: try record.text("sentence"),
                category: gender == nil ? nil : .gender, attribute: gender,
                speaker: "common-voice-\(try record.name("client_id"))", engine: "human", split: split ?? .train,
                voice: voice.isEmpty ? nil : voice),
            splitBySpeaker: split == nil)
    }
}
