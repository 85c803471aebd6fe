import Checkpoints
import Foundation

extension CorpusImporter {
    /// Reads `source` and writes the corpus folder `target`: audio first, `corpus.jsonl` last.
    /// - Parameters:
    ///   - skipBad: leaves out what cannot be used and lists it in `rejects.jsonl` of the target, instead of throwing.
    ///   - progress: clips transferred, clips in all.
    ///   - shouldStop: asked before each clip; true throws `CancellationError`. What is copied is not copied again.
    public func run(
        from source: URL, to target: URL, transfer: AudioTransfer = .copy, skipBad: Bool = false,
        progress: (Int, Int) -> Void = { _, _ in }, shouldStop: @escaping () -> Bool = { false }
    ) throws -> ImportOutcome {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: source.path, isDirectory: &isFolder)
        guard !exists || !same(isFolder.boolValue ? source : source.deletingLastPathComponent(), target) else {
            throw CorpusError("\(target.path): the data set lies there; choose another folder for the corpus")
        }
        let file = target.appendingPathComponent(Corpus.fileName)
        guard !FileManager.default.fileExists(atPath: file.path) else {
            throw CorpusError(
                "\(target.path) holds a corpus already: choose another folder, or remove its \(Corpus.fileName)")
        }
        let list = ImportList(skipBad: skipBad, shouldStop: shouldStop)
        try read(source, into: list)
        if skipBad, !list.clips.isEmpty || !list.rejects.isEmpty {
            try makeFolder(target)
            try writing { try Corpus.writeRejects(list.rejects, to: target.appendingPathComponent("rejects.jsonl")) }
        }
        guard !list.clips.isEmpty else {
            let first = list.rejects.first.map { " The first of \(list.rejects.count) left out: \($0.reason)" } ?? ""
            throw CorpusError("\(source.path): no clip to import; expected \(expects).\(first)")
        }
        let splits = SpeakerSplits.splits(of: list.clips)
        var corpus = Corpus(folder: target, utterances: [], rejects: list.rejects)
        var names = AudioNames(count: list.clips.count)
        for (index, clip) in list.clips.enumerated() {
            if shouldStop() { throw CancellationError() }
            let (name, isNew) = names.name(of: clip.source)
            if isNew {
                let copy = target.appendingPathComponent(name)
                try makeFolder(copy.deletingLastPathComponent())
                try writing { try move(clip.source, to: copy, transfer) }
            }
            var utterance = clip.utterance
            utterance.audio = name
            if clip.splitBySpeaker { utterance.split = splits[utterance.speaker] ?? .train }
            corpus.utterances.append(utterance)
            progress(index + 1, list.clips.count)
        }
        try writing { try corpus.writeAnew() }
        return ImportOutcome(corpus: corpus, unused: list.unused.sorted())
    }

    private func same(_ one: URL, _ other: URL) -> Bool {
        one.resolvingSymlinksInPath().standardizedFileURL.path
            == other.resolvingSymlinksInPath().standardizedFileURL.path
    }

    private func makeFolder(_ folder: URL) throws {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw CorpusError("\(folder.path): cannot be made: \(error.localizedDescription)")
        }
    }

    /// One kind of error for whoever imports.
    private func writing(_ body: () throws -> Void) throws {
        do { try body() } catch let error as CheckpointError { throw CorpusError(error.description) }
    }

    private func move(_ source: URL, to target: URL, _ transfer: AudioTransfer) throws {
        let files = FileManager.default
        // Links in the source are followed: the corpus must not point outside itself.
        let original = source.resolvingSymlinksInPath()
        if original.path == target.resolvingSymlinksInPath().path { return }
        // Of an import that was stopped, or somebody's recording: what differs is not written over.
        if files.fileExists(atPath: target.path) {
            guard files.contentsEqual(atPath: original.path, andPath: target.path) else {
                throw CorpusError(
                    "\(target.path) is there already and not the same as \(source.path): choose another folder for the corpus"
                )
            }
            return
        }
        do {
            if transfer == .link, (try? files.linkItem(at: original, to: target)) != nil { return }
            try AtomicFile.write(Data(contentsOf: original), to: target)
        } catch let error as CheckpointError {
            throw error
        } catch {
            throw CorpusError("\(source.path): cannot be copied: \(error.localizedDescription)")
        }
    }
}

/// Names in the corpus folder: the recording's own where it is free, letters that any file system takes. Large data sets
/// are spread over numbered folders: every write looks through the folder of its file.
struct AudioNames {
    private static let folderSize = 2_000
    private let isSpread: Bool
    private var names: [String: String] = [:]
    /// In small letters: some file systems do not tell them apart.
    private var taken: Set<String> = []

    /// `count`: clips in all.
    init(count: Int) { isSpread = count > Self.folderSize }

    /// The same recording always has the same name; `isNew` for the first time.
    mutating func name(of source: URL) -> (name: String, isNew: Bool) {
        let path = source.standardizedFileURL.path
        if let known = names[path] { return (known, false) }
        let stem = clean(source.deletingPathExtension().lastPathComponent, 120)
        let ending = source.pathExtension.isEmpty ? "" : "." + clean(source.pathExtension, 8)
        let folder = isSpread ? "audio/\(names.count / Self.folderSize)" : "audio"
        var name = "\(folder)/\(stem)\(ending)", count = 1
        while !taken.insert(name.lowercased()).inserted {
            count += 1
            name = "\(folder)/\(stem)-\(count)\(ending)"
        }
        names[path] = name
        return (name, true)
    }

    private func clean(_ text: String, _ limit: Int) -> String {
        let kept = text.prefix(limit).map { character -> Character in
            let fits = character.isASCII && (character.isLetter || character.isNumber)
            return fits || character == "-" || character == "_" || character == "." ? character : "_"
        }
        return kept.first == "." ? "_" + String(kept.dropFirst()) : kept.isEmpty ? "clip" : String(kept)
    }
}
