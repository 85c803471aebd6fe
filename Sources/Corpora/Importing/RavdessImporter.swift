import Foundation

/// The audio-only speech part of RAVDESS: `Actor_NN/03-01-EE-II-SS-RR-AA.wav` (or .flac).
///
/// Emotions that are values of the category get it; neutral and calm clips keep their voice labels only. There is no
/// response to learn. Splits are by actor, so that voices are unheard; both texts are in every split.
public struct RavdessImporter: CorpusImporter {
    public let expects = "a folder with Actor_01/03-01-01-01-01-01-01.wav and so on"
    public init() {}

    private static let emotions: [String: String] = [
        "01": "neutral", "02": "calm", "03": "happy", "04": "sad", "05": "angry", "06": "fearful", "07": "disgusted",
        "08": "surprised",
    ]
    private static let statements = ["01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."]

    /// All .wav and .flac files of the Actor_NN folders, by name. Other files are none of ours; a clip with a name
    /// that does not fit is an error, not a silent loss.
    public func read(_ source: URL, into list: ImportList) throws {
        guard let folders = try? FileManager.default.contentsOfDirectory(atPath: source.path) else {
            throw CorpusError("\(source.path): not a folder that can be read; expected \(expects)")
        }
        for folder in folders.filter({ $0.hasPrefix("Actor_") && !$0.contains(".") }).sorted() {
            let url = source.appendingPathComponent(folder)
            for name in try ImportFolder.names(in: url, endings: ["wav", "flac"]) {
                let file = url.appendingPathComponent(name)
                try list.add(ImportPlace(file: file)) { try clip(file, in: folder) }
            }
        }
    }

    private func clip(_ url: URL, in folder: String) throws -> ImportClip {
        let name = url.deletingPathExtension().lastPathComponent
        let parts = name.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        func wrong(_ what: String) -> CorpusError {
            CorpusError("\(url.path): expected a name like 03-01-EE-II-SS-RR-AA, \(what)")
        }
        guard parts.count == 7, parts.allSatisfy({ $0.count == 2 && Int($0) != nil }) else {
            throw wrong("seven numbers of two digits")
        }
        guard parts[0] == "03", parts[1] == "01" else { throw wrong("03-01: audio only, speech") }
        guard let emotion = Self.emotions[parts[2]] else { throw wrong("emotion 01 to 08, found \(parts[2])") }
        guard let intensity = ["01": "normal", "02": "strong"][parts[3]] else {
            throw wrong("intensity 01 or 02, found \(parts[3])")
        }
        guard let text = Self.statements[parts[4]] else { throw wrong("statement 01 or 02, found \(parts[4])") }
        guard let actor = Int(parts[6]), (1...24).contains(actor) else { throw wrong("actor 01 to 24") }
        guard folder == "Actor_\(parts[6])" else {
            throw CorpusError("\(url.path): actor \(parts[6]) by its name, but in \(folder)")
        }
        return ImportClip(
            source: url,
            utterance: .emotional(
                id: "ravdess-\(name)", text: text, speaker: "ravdess-\(parts[6])", emotion: emotion,
                voice: [
                    "age": "adult", "gender": actor % 2 == 1 ? "male" : "female", "intensity": intensity,
                ]),
            splitBySpeaker: true)
    }
}
