import Foundation

/// Training files of ms-swift and LLaMA-Factory (see `ChatForm`), one object a line or all in an array.
///
/// Audio is copied from where it lies: absolute paths, or relative ones from `audioFolder`, else from the file's folder.
/// What such a file does not tell is as in a `messages` line of a corpus: the split is train, speaker and engine are
/// unknown, the text is what stands beside `<audio>`, else the recording's name. This project's fields may stand beside.
public struct MessagesImporter: CorpusImporter {
    public let expects = "a .jsonl or .json file of ms-swift or LLaMA-Factory"
    private let audioFolder: URL?

    public init(audioFolder: URL? = nil) { self.audioFolder = audioFolder }

    public func read(_ source: URL, into list: ImportList) throws {
        let folder = audioFolder ?? source.deletingLastPathComponent()
        try JSONRecords.forEach(in: source, expected: "expected \(expects)") { place, row in
            try list.add(place) {
                let form = try ChatForm(row())
                list.ignore(form.unused)
                return try Self.clip(form.record, line: place.line ?? 0, in: folder, field: "audios")
            }
        }
    }

    /// The clip of a `messages` line; `field` is where its path came from.
    static func clip(_ record: Record, line: Int, in folder: URL, field: String) throws -> ImportClip {
        var utterance = try MessagesLine(record, line: line).utterance()
        let url = try ImportFolder.anywhere(folder, utterance.audio, record, field)
        // A path says where the file lay, which is nobody's business.
        if utterance.text == utterance.audio { utterance.text = url.deletingPathExtension().lastPathComponent }
        return ImportClip(source: url, utterance: utterance)
    }
}
