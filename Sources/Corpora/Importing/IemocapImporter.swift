import Foundation

/// IEMOCAP's full release: `Session1` to `Session5`, each with `sentences/wav`, `dialog/EmoEvaluation` and
/// `dialog/transcriptions`.
///
/// The emotion is the one that most raters gave. Excitement counts as happy, as is usual with this data set. Frustration,
/// other and no agreement (fru, oth, xxx) have no word here: such turns are kept without an emotion. Its own word always
/// stands in `voice` under `label`. Who speaks is told by the turn's letter, not the file's. The sessions are the splits,
/// each with two speakers of its own: 1 to 3 train, 4 validates, 5 tests.
public struct IemocapImporter: CorpusImporter {
    public let expects = "IEMOCAP_full_release: Session1 to Session5"
    public init() {}

    private static let emotions: [String: String?] = [
        "ang": "angry", "hap": "happy", "exc": "happy", "sad": "sad", "neu": "neutral", "fea": "fearful",
        "sur": "surprised", "dis": "disgusted", "fru": nil, "oth": nil, "xxx": nil,
    ]
    private static let splits: [Split] = [.train, .train, .train, .validation, .test]

    public func read(_ source: URL, into list: ImportList) throws {
        for (index, split) in Self.splits.enumerated() {
            let session = source.appendingPathComponent("Session\(index + 1)")
            guard ImportFolder.exists(session) else { continue }
            let labels = session.appendingPathComponent("dialog/EmoEvaluation")
            for name in try ImportFolder.names(in: labels, endings: ["txt"]) {
                try read(labels.appendingPathComponent(name), session: session, split: split, into: list)
            }
        }
    }

    private func read(_ file: URL, session: URL, split: Split, into list: ImportList) throws {
        let dialog = file.deletingPathExtension().lastPathComponent
        let words = try texts(session.appendingPathComponent("dialog/transcriptions/\(dialog).txt"))
        let folder = session.appendingPathComponent("sentences/wav/\(dialog)")
        try Corpus.forEachLine(of: Corpus.contents(of: file, expected: expects)) { number, bytes in
            // [start - end] TAB turn TAB emotion TAB [valence, activation, dominance]; what else there is are single votes.
            guard bytes.first == UInt8(ascii: "[") else { return }
            let line = Self.text(bytes)
            let place = ImportPlace(file: file, line: number, content: line)
            try list.add(place) {
                let parts = line.split(separator: "\t").map { $0.trimmingCharacters(in: .whitespaces) }
                guard parts.count == 4 else {
                    throw CorpusError("\(place): expected times, turn, emotion and ratings with tabs between")
                }
                let turn = parts[1]
                guard let emotion = Self.emotions[parts[2]] else {
                    let known = Self.emotions.keys.sorted().joined(separator: ", ")
                    throw CorpusError("\(place): expected an emotion of \(known), found \"\(parts[2].prefix(40))\"")
                }
                let end = turn.dropFirst(dialog.count)
                guard turn.hasPrefix(dialog), end.first == "_", let letter = end.dropFirst().first,
                    let gender = ["F": "female", "M": "male"][letter], end.dropFirst(2).allSatisfy(\.isNumber)
                else {
                    throw CorpusError(
                        "\(place): expected a turn like \(dialog)_F000, found \"\(turn.prefix(80))\"")
                }
                guard let text = words[turn], !text.isEmpty else {
                    throw CorpusError("\(place): no text for \(turn) in dialog/transcriptions/\(dialog).txt")
                }
                return ImportClip(
                    source: folder.appendingPathComponent("\(turn).wav"),
                    utterance: .emotional(
                        id: "iemocap-\(turn)", text: text, speaker: "iemocap-\(turn.prefix(5))-\(letter)",
                        emotion: emotion, split: split, voice: ["age": "adult", "gender": gender, "label": parts[2]]))
            }
        }
    }

    /// Lines like `Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.`; others are remarks.
    private func texts(_ file: URL) throws -> [String: String] {
        var texts: [String: String] = [:]
        try Corpus.forEachLine(of: Corpus.contents(of: file, expected: expects)) { _, bytes in
            let line = Self.text(bytes)
            guard line.hasPrefix("Ses"), let end = line.range(of: "]:"), let space = line.firstIndex(of: " ") else {
                return
            }
            texts[String(line[..<space])] = line[end.upperBound...].trimmingCharacters(in: .whitespaces)
        }
        return texts
    }

    /// Of at most as many characters as a text may have.
    private static func text(_ bytes: Data) -> String {
        let some = bytes.prefix(CorpusLimits.text)
        return String(data: some, encoding: .utf8) ?? String(data: some, encoding: .isoLatin1) ?? ""
    }
}
