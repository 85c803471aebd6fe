import Checkpoints
import Foundation

/// Makes a corpus of the audio-only speech part of RAVDESS: `Actor_NN/03-01-EE-II-SS-RR-AA.wav` (or .flac).
///
/// Emotions that are values of the category get it; neutral and calm clips keep their voice labels only. There is no
/// response to learn. Splits are by actor, so that voices are unheard; both texts are in every split.
public struct RavdessImporter: Sendable {
    /// Whether the audio is copied, or shares its bytes with the original (a hard link; a copy where that fails).
    public enum Transfer: Sendable { case copy, link }

    public var transfer: Transfer
    public init(transfer: Transfer = .copy) { self.transfer = transfer }

    private static let emotions: [String: String] = [
        "01": "neutral", "02": "calm", "03": "happy", "04": "sad", "05": "angry", "06": "fearful", "07": "disgusted",
        "08": "surprised",
    ]
    private static let statements = ["01": "Kids are talking by the door.", "02": "Dogs are sitting by the door."]

    /// Reads `source`, writes the corpus folder `target`.
    /// - Parameter progress: clips done, clips in all.
    public func run(
        from source: URL, to target: URL, progress: (Int, Int) -> Void = { _, _ in },
        shouldStop: () -> Bool = { false }
    ) throws -> Corpus? {
        let files = try clips(in: source)
        let splits = Self.splits(of: Set(files.map(\.actor)))
        let audio = target.appendingPathComponent("audio")
        do {
            try FileManager.default.createDirectory(at: audio, withIntermediateDirectories: true)
        } catch {
            throw CorpusError("\(audio.path): cannot be made: \(error.localizedDescription)")
        }
        var corpus = Corpus(folder: target, utterances: [])
        for (index, clip) in files.enumerated() {
            if shouldStop() { return nil }
            try transfer(clip.url, to: audio.appendingPathComponent(clip.url.lastPathComponent))
            let isValue = Category.emotion.attributes.contains(clip.emotion)
            corpus.utterances.append(
                Utterance(
                    id: "ravdess-\(clip.name)", audio: "audio/\(clip.url.lastPathComponent)", text: clip.text,
                    category: isValue ? .emotion : nil, attribute: isValue ? clip.emotion : nil,
                    speaker: "ravdess-\(clip.actor)", engine: "human", split: splits[clip.actor] ?? .train,
                    voice: [
                        "age": "adult", "gender": clip.isMale ? "male" : "female", "emotion": clip.emotion,
                        "intensity": clip.intensity,
                    ]))
            progress(index + 1, files.count)
        }
        try corpus.write()
        return corpus
    }

    /// The first 70 % of the actors by number train, the next 15 % validate, the others test: men and women alternate.
    static func splits(of actors: Set<String>) -> [String: Split] {
        let sorted = actors.sorted()
        let train = max(1, Int((0.7 * Double(sorted.count)).rounded()))
        let validation = Int((0.15 * Double(sorted.count)).rounded())
        var splits: [String: Split] = [:]
        for (index, actor) in sorted.enumerated() {
            splits[actor] = index < train ? .train : index < train + validation ? .validation : .test
        }
        return splits
    }

    private struct Clip {
        var url: URL
        var name: String
        var emotion: String
        var intensity: String
        var text: String
        var actor: String
        var isMale: Bool
    }

    /// All .wav and .flac files of the Actor_NN folders, by name. Other files are none of ours; a clip with a name
    /// that does not fit is an error, not a silent loss.
    private func clips(in source: URL) throws -> [Clip] {
        let files = FileManager.default
        guard let folders = try? files.contentsOfDirectory(atPath: source.path) else {
            throw CorpusError("\(source.path): not a folder that can be read")
        }
        var clips: [String: Clip] = [:]
        for folder in folders.filter({ $0.hasPrefix("Actor_") }).sorted() {
            let url = source.appendingPathComponent(folder)
            for name in ((try? files.contentsOfDirectory(atPath: url.path)) ?? []).sorted() {
                guard !name.hasPrefix("."), name.hasSuffix(".wav") || name.hasSuffix(".flac") else { continue }
                let clip = try Self.clip(url.appendingPathComponent(name))
                guard folder == "Actor_\(clip.actor)" else {
                    throw CorpusError("\(url.path)/\(name): actor \(clip.actor) by its name, but in \(folder)")
                }
                guard clips.updateValue(clip, forKey: clip.name) == nil else {
                    throw CorpusError("\(url.path)/\(name): there as .wav and as .flac; keep one")
                }
            }
        }
        guard !clips.isEmpty else {
            throw CorpusError("\(source.path): no clips; expected Actor_01/03-01-01-01-01-01-01.wav and so on")
        }
        return clips.keys.sorted().compactMap { clips[$0] }
    }

    private static func clip(_ url: URL) throws -> Clip {
        let name = url.deletingPathExtension().lastPathComponent
        let parts = name.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        func wrong(_ what: String) -> CorpusError {
            CorpusError("\(url.path): expected a name like 03-01-EE-II-SS-RR-AA, \(what)")
        }
        guard parts.count == 7, parts.allSatisfy({ $0.count == 2 && Int($0) != nil }) else {
            throw wrong("seven numbers of two digits")
        }
        guard parts[0] == "03", parts[1] == "01" else { throw wrong("03-01: audio only, speech") }
        guard let emotion = emotions[parts[2]] else { throw wrong("emotion 01 to 08, found \(parts[2])") }
        guard let intensity = ["01": "normal", "02": "strong"][parts[3]] else {
            throw wrong("intensity 01 or 02, found \(parts[3])")
        }
        guard let text = statements[parts[4]] else { throw wrong("statement 01 or 02, found \(parts[4])") }
        guard let actor = Int(parts[6]), (1...24).contains(actor) else { throw wrong("actor 01 to 24") }
        return Clip(
            url: url, name: name, emotion: emotion, intensity: intensity, text: text, actor: parts[6],
            isMale: actor % 2 == 1)
    }

    private func transfer(_ source: URL, to target: URL) throws {
        let files = FileManager.default
        // Links in the source are followed: the corpus must not point outside itself.
        let original = source.resolvingSymlinksInPath()
        do {
            if transfer == .link {
                if files.fileExists(atPath: target.path) { try files.removeItem(at: target) }
                if (try? files.linkItem(at: original, to: target)) != nil { return }
            }
            let data = try Data(contentsOf: original)
            if let there = try? Data(contentsOf: target), there == data { return }
            try AtomicFile.write(data, to: target)
        } catch let error as CheckpointError {
            throw CorpusError(error.description)
        } catch {
            throw CorpusError("\(source.path): cannot be copied: \(error.localizedDescription)")
        }
    }
}
