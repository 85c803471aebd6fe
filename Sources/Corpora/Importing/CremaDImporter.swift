import Foundation

/// CREMA-D as its repository has it: `AudioWAV/1001_DFA_ANG_XX.wav` and `VideoDemographics.csv`.
///
/// A name is actor, sentence, emotion and level. The emotion is the acted one, not what listeners voted for. Names and
/// sentences are from the data set's README. Splits are by actor.
public struct CremaDImporter: CorpusImporter {
    public let expects = "a folder with AudioWAV/ and VideoDemographics.csv"
    public init() {}

    private static let sentences = [
        "IEO": "It's eleven o'clock.", "TIE": "That is exactly what happened.", "IOM": "I'm on my way to the meeting.",
        "IWW": "I wonder what this is about.", "TAI": "The airplane is almost full.",
        "MTI": "Maybe tomorrow it will be cold.", "IWL": "I would like a new alarm clock.",
        "ITH": "I think I have a doctor's appointment.", "DFA": "Don't forget a jacket.",
        "ITS": "I think I've seen this before.", "TSI": "The surface is slick.",
        "WSI": "We'll stop in a couple of minutes.",
    ]
    private static let emotions = [
        "ANG": "angry", "DIS": "disgusted", "FEA": "fearful", "HAP": "happy", "NEU": "neutral", "SAD": "sad",
    ]
    private static let levels = ["LO": "low", "MD": "medium", "HI": "high", "XX": "unspecified"]

    public func read(_ source: URL, into list: ImportList) throws {
        let actors = try actors(source.appendingPathComponent("VideoDemographics.csv"))
        let folder = source.appendingPathComponent("AudioWAV")
        guard ImportFolder.exists(folder) else {
            throw CorpusError("\(source.path): no folder AudioWAV in it; expected \(expects)")
        }
        for name in try ImportFolder.names(in: folder, endings: ["wav"]) {
            let file = folder.appendingPathComponent(name)
            try list.add(ImportPlace(file: file)) { try clip(file, actors) }
        }
    }

    /// Labels of the voice by actor.
    private func actors(_ file: URL) throws -> [String: [String: String]] {
        let table = try DelimitedFile(file, expected: "CREMA-D's repository has it: put it beside AudioWAV")
        try table.require(["ActorID", "Age", "Sex"])
        var actors: [String: [String: String]] = [:]
        try table.forEachRow { _, row in
            let record = try row()
            var voice: [String: String] = [:]
            voice["gender"] = try record.mapped("Sex", ["Male": "male", "Female": "female"])
            guard let years = Int(try record.name("Age")), (0...130).contains(years) else {
                throw record.wrong("Age", "whole years from 0 to 130")
            }
            voice["age"] = VoiceWords.age(years: years)
            actors[try record.name("ActorID")] = voice
        }
        return actors
    }

    private func clip(_ url: URL, _ actors: [String: [String: String]]) throws -> ImportClip {
        let name = url.deletingPathExtension().lastPathComponent
        let parts = name.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
        func wrong(_ what: String) -> CorpusError {
            CorpusError("\(url.path): expected a name like 1001_DFA_ANG_XX, \(what)")
        }
        guard parts.count == 4 else { throw wrong("four parts") }
        func word(_ index: Int, _ words: [String: String], _ what: String) throws -> String {
            guard let ours = words[parts[index]] else {
                throw wrong("\(what) one of \(words.keys.sorted().joined(separator: ", ")), found \(parts[index])")
            }
            return ours
        }
        guard var voice = actors[parts[0]] else {
            throw wrong("an actor of VideoDemographics.csv, found \(parts[0])")
        }
        let text = try word(1, Self.sentences, "the sentence"), emotion = try word(2, Self.emotions, "the emotion")
        voice["intensity"] = try word(3, Self.levels, "the level")
        return ImportClip(
            source: url,
            utterance: .emotional(
                id: "crema-d-\(name)", text: text, speaker: "crema-d-\(parts[0])", emotion: emotion, voice: voice),
            splitBySpeaker: true)
    }
}
