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
        try Self.read(source, audioFolder: audioFolder, expects: expects, into: list) { original in
            let form = try ChatForm(original)
            return (form.record, form.unused)
        }
    }

    /// Every object of a file as a `messages` line, into which `form` brings it; `unused`: fields that it left out.
    static func read(
        _ source: URL, audioFolder: URL?, expects: String, into list: ImportList,
        form: (Record) throws -> (record: Record, unused: [String])
    ) throws {
        let folder = audioFolder ?? source.deletingLastPathComponent()
        try JSONRecords.forEach(in: source, expected: "expected \(expects)") { place, row in
            try list.add(place) {
                let (record, unused) = try form(row())
                list.ignore(unused)
                var utterance = try MessagesLine(record, line: place.line ?? 0).utterance()
                let url = try ImportFolder.anywhere(folder, utterance.audio, record, "audios")
                // A path says where the file lay, which is nobody's business.
                if utterance.text == utterance.audio {
                    utterance.text = url.deletingPathExtension().lastPathComponent
                }
                return ImportClip(source: url, utterance: utterance)
            }
        }
    }
}
