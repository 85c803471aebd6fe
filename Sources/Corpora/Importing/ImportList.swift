import Checkpoints
import Foundation
import Speech

/// Where something stands in a data set, for errors and rejects.
struct ImportPlace: CustomStringConvertible {
    var file: String
    /// From 1; nil where the file itself is the clip.
    var line: Int?
    /// The line, or the file's name.
    var content: String
    var description: String { line.map { "\(file):\($0)" } ?? file }

    /// A file that is a clip.
    init(file url: URL) {
        file = url.path
        content = url.lastPathComponent
    }

    init(file url: URL, line: Int, content: String) {
        file = url.path
        self.line = line
        self.content = content
    }
}

/// The clips that an importer found. Bad ones throw, or are left out and kept with their reasons where that was asked.
public final class ImportList {
    private let skipBad: Bool
    private let shouldStop: () -> Bool
    private(set) var clips: [ImportClip] = []
    private(set) var rejects: [Corpus.Reject] = []
    private(set) var unused: Set<String> = []
    private var seen = 0
    /// Where an id was first.
    private var places: [String: String] = [:]

    init(skipBad: Bool, shouldStop: @escaping () -> Bool) {
        self.skipBad = skipBad
        self.shouldStop = shouldStop
    }

    /// Adds what `make` returns, after a look at its id and its recording.
    func add(_ place: ImportPlace, _ make: () throws -> ImportClip) throws {
        if shouldStop() { throw CancellationError() }
        seen += 1
        guard seen <= CorpusLimits.utterances else {
            throw CorpusError("\(place): more than \(CorpusLimits.utterances) clips; import a part of them")
        }
        do {
            let clip = try make()
            try check(clip, place)
            clips.append(clip)
        } catch let error as CorpusError where skipBad {
            rejects.append(
                Corpus.Reject(
                    line: place.line ?? seen, reason: error.description, content: String(place.content.prefix(2_000))))
        }
    }

    /// Names fields that are not read, so that a misspelt one is seen.
    func ignore(_ fields: some Sequence<String>) { unused.formUnion(fields) }

    private func check(_ clip: ImportClip, _ place: ImportPlace) throws {
        // Links are followed: the corpus gets what they lead to.
        let path = clip.source.path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else {
            throw CorpusError("\(place): expected an audio file, found none at \(path)")
        }
        do {
            let size = try AudioFile.recognise(clip.source)
            guard size <= AudioLimits.maximumCompressedBytes else {
                throw CorpusError(
                    "\(place): \(path) has \(size) bytes; at most \(AudioLimits.maximumCompressedBytes) are read")
            }
        } catch let error as SpeechError {
            let hint = Self.isPointer(path) ? " It is a pointer of git-lfs: run \"git lfs pull\" in that folder." : ""
            throw CorpusError("\(place.line == nil ? "" : "\(place): ")\(error)\(hint)")
        }
        if let first = places[clip.utterance.id] {
            throw CorpusError("\(place): the id \"\(clip.utterance.id)\" is there already (\(first)); ids must differ")
        }
        places[clip.utterance.id] = place.description
    }

    /// What stands in a large file's place until git-lfs has fetched it.
    private static func isPointer(_ path: String) -> Bool {
        guard let file = FileHandle(forReadingAtPath: path), let start = try? file.read(upToCount: 40) else {
            return false
        }
        return String(decoding: start, as: UTF8.self).hasPrefix("version https://git-lfs")
    }
}
