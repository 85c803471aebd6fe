import Foundation

/// EmoDB, the Berlin database of emotional speech: `wav/03a01Fa.wav`.
///
/// A name is speaker, text, emotion (the first letter of its German word) and version. Speakers and sentences are from
/// the database's documentation. Boredom has no word here: such clips are kept without an emotion. Splits are by
/// speaker.
public struct EmoDBImporter: CorpusImporter {
    public let expects = "a folder with wav/03a01Fa.wav and so on"
    public init() {}

    private static let sentences = [
        "a01": "Der Lappen liegt auf dem Eisschrank.", "a02": "Das will sie am Mittwoch abgeben.",
        "a04": "Heute abend k\u{f6}nnte ich es ihm sagen.",
        "a05": "Das schwarze St\u{fc}ck Papier befindet sich da oben neben dem Holzst\u{fc}ck.",
        "a07": "In sieben Stunden wird es soweit sein.",
        "b01": "Was sind denn das f\u{fc}r T\u{fc}ten, die da unter dem Tisch stehen?",
        "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
        "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
        "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
        "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
    ]
    private static let genders = [
        "03": "male", "08": "female", "09": "female", "10": "male", "11": "male", "12": "male", "13": "female",
        "14": "female", "15": "male", "16": "female",
    ]
    /// Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral.
    private static let emotions: [String: String?] = [
        "W": "angry", "L": nil, "E": "disgusted", "A": "fearful", "F": "happy", "T": "sad", "N": "neutral",
    ]

    public func read(_ source: URL, into list: ImportList) throws {
        let folder = source.appendingPathComponent("wav")
        guard ImportFolder.exists(folder) else {
            throw CorpusError("\(source.path): no folder wav in it; expected \(expects)")
        }
        for name in try ImportFolder.names(in: folder, endings: ["wav"]) {
            let file = folder.appendingPathComponent(name)
            try list.add(ImportPlace(file: file)) { try clip(file) }
        }
    }

    private func clip(_ url: URL) throws -> ImportClip {
        let name = url.deletingPathExtension().lastPathComponent
        let letters = Array(name)
        func wrong(_ what: String) -> CorpusError {
            CorpusError("\(url.path): expected a name like 03a01Fa, \(what)")
        }
        func known(_ keys: some Collection<String>) -> String { keys.sorted().joined(separator: ", ") }
        guard letters.count == 6 || letters.count == 7 else { throw wrong("six letters and a version") }
        let speaker = String(letters[0..<2]), code = String(letters[2..<5]), letter = String(letters[5])
        guard let gender = Self.genders[speaker] else {
            throw wrong("the speaker one of \(known(Self.genders.keys)), found \(speaker)")
        }
        guard let text = Self.sentences[code] else {
            throw wrong("the text one of \(known(Self.sentences.keys)), found \(code)")
        }
        guard let emotion = Self.emotions[letter] else {
            throw wrong("the emotion one of \(known(Self.emotions.keys)), found \(letter)")
        }
        var voice = ["age": "adult", "gender": gender]
        if emotion == nil { voice["label"] = "boredom" }
        return ImportClip(
            source: url,
            utterance: .emotional(
                id: "emodb-\(name)", text: text, speaker: "emodb-\(speaker)", emotion: emotion, voice: voice),
            splitBySpeaker: true)
    }
}
