import ArgumentParser
import AudioLanguageModels
import Checkpoints
import Corpora
import FineTuning
import Foundation
import MLX
import Speech

/// The options that name a model, shared by all verbs.
struct ModelOptions: ParsableArguments {
    static let embedded = "smol"

    /// nil: it was not given, which a settings file may then decide.
    @Option(
        name: .customLong("model"),
        help: ArgumentHelp(
            "`smol`, the embedded model (default), or a folder in Hugging Face's layout.", valueName: "model"))
    var given: String?
    var model: String { given ?? Self.embedded }

    @Option(help: "cpu or gpu.")
    var device = Device.cpu

    @Option(help: "Keep the decoder's frozen layers in 8 or 4 bits an element, in place of what is stored.")
    var quantize: Int?

    func load() throws -> any AudioLanguageModel {
        if quantize == 0 { throw ModelError("--quantize 0: expected 8 or 4; leave it out for what is stored") }
        return try Self.load(model, quantize: quantize ?? 0, device: device)
    }

    /// - Parameter quantize: bits; 0 for what is stored.
    static func load(_ model: String, quantize: Int, device: Device) throws -> any AudioLanguageModel {
        guard [0, 8, 4].contains(quantize) else { throw ModelError("--quantize \(quantize): expected 8 or 4") }
        if device != .cpu {
            do { try Device.use(device) } catch { throw ModelError("--device \(device.rawValue): \(error)") }
        }
        let loaded = try ModelRegistry.load(model)
        if quantize > 0 { try loaded.quantize(bits: quantize) }
        return loaded
    }
}
extension Device: ExpressibleByArgument {}

/// How a model is asked, for the verbs that ask.
struct PromptOptions: ParsableArguments {
    @Option(
        help:
            "The system turn, in place of the model's own, or of the one that the adapter's run was trained with; empty: the model's own."
    )
    var system: String?

    /// Puts the run's adapter, where one is given, into the model, and says how the model is asked.
    func prepare(_ model: any AudioLanguageModel, adapter: String?) throws {
        if let adapter { try load(adapter: URL(fileURLWithPath: adapter, isDirectory: true), into: model) }
        if let system { model.system = system }
    }
}

/// Puts a run's adapter into the model, which is asked as the run was trained. A line tells where it belongs to other weights.
func load(adapter run: URL, into model: any AudioLanguageModel) throws {
    if let doubt = try Adapters.load(run, into: model) { Progress.say("warning: \(doubt)") }
    model.system = try Run.system(of: run)
}

extension AudioLanguageModel {
    /// The features of a clip, with a line where its end was cut off.
    func heard(_ sound: Waveform, as name: String) throws -> AudioFeatures {
        let features = try features(of: sound)
        if sound.seconds > maximumSeconds {
            Progress.say("\(name): only the first \(Int(maximumSeconds)) s are heard")
        }
        return features
    }
}

/// How clips are heard, for the verbs that measure.
struct HearingOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: "Bring every clip to this level before it is heard (dBFS, as -26), so that level tells nothing.")
    var rms: Double?
}

/// A corpus, and the features of its clips: computed once, kept by content.
struct FeatureSource {
    let corpus: Corpus
    let cache: FeatureCache
    let model: any AudioLanguageModel
    /// dBFS that every clip is brought to before it is heard; nil: as it is.
    let level: Double?

    init(_ folder: String, model: any AudioLanguageModel, level: Double? = nil) throws {
        if let level, !(-60...0).contains(level) {
            throw ValidationError("--rms \(level): expected -60 to 0 dB of full scale")
        }
        corpus = try Corpus.load(URL(fileURLWithPath: folder, isDirectory: true))
        cache = FeatureCache(modelHash: model.weightsHash + (level.map { " at \($0) dBFS" } ?? ""))
        self.model = model
        self.level = level
    }

    func features(_ utterance: Utterance) throws -> AudioFeatures {
        do {
            return try cache.features(of: corpus.url(of: utterance)) {
                try model.heard(levelled($0), as: utterance.id)
            }
        } catch let error as ModelError {
            throw ModelError("\(utterance.id) (\(utterance.audio)): \(error)")
        }
    }

    /// A clip's sound, at `level`.
    func sound(of utterance: Utterance) throws -> Waveform { try levelled(AudioFile.read(corpus.url(of: utterance))) }

    private func levelled(_ sound: Waveform) -> Waveform { level.map { sound.normalised(rmsDBFS: $0) } ?? sound }

    /// All of them, with progress; what was cached is only read.
    func warm(_ utterances: [Utterance]) throws {
        let progress = Progress("hearing clips")
        for (i, utterance) in utterances.enumerated() {
            try Interrupt.check()
            _ = try features(utterance)
            progress.update(i + 1, of: utterances.count)
        }
    }
}

/// JSON on standard output, keys sorted.
func printJSON(_ value: some Encodable) throws { FileHandle.standardOutput.write(try prettyJSON(value)) }

/// A JSON object over lines, as it is printed and written.
func prettyJSON(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value) + Data("\n".utf8)
}

/// Names with commas between them, of those that there are.
func named<T: RawRepresentable<String> & CaseIterable & Hashable>(_ text: String, option: String) throws -> Set<T> {
    try Set(
        text.split(separator: ",").map { name in
            guard let value = T(rawValue: name.trimmingCharacters(in: .whitespaces)) else {
                let known = T.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("\(option): \"\(name)\" is unknown; expected some of \(known)")
            }
            return value
        })
}

/// `A-B`, both included.
func layerRange(_ text: String, layers: Int) throws -> ClosedRange<Int> {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let a = parts[0], let b = parts[1], a >= 0, a <= b, b < layers else {
        throw FineTuningError(
            "--layers \(text): expected A-B within 0-\(layers - 1), the model's decoder layers, or auto")
    }
    return a...b
}

/// The folder that results go to.
enum OutputFolder {
    /// Before the work: whether it can be made. Writes nothing.
    static func check(_ folder: URL) throws {
        let manager = FileManager.default
        var place = folder.standardizedFileURL, isFolder: ObjCBool = false
        while !manager.fileExists(atPath: place.path, isDirectory: &isFolder), place.path != "/" {
            place = place.deletingLastPathComponent()
        }
        guard isFolder.boolValue else {
            throw CheckpointError("cannot write to \(folder.path): \(place.path) is a file; give another --out")
        }
        guard manager.isWritableFile(atPath: place.path) else {
            throw CheckpointError("cannot write to \(folder.path): no permission in \(place.path); give another --out")
        }
    }

    static func make(_ folder: URL) throws {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw CheckpointError(
                "cannot create the folder \(folder.path): \((error as NSError).localizedDescription)")
        }
    }
}
