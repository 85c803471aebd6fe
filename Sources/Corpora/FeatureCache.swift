import AudioLanguageModels
import Checkpoints
import Crypto
import Foundation
import Speech

/// What the frozen front end made of each clip, kept on disk by content: audio bytes, model weights and version.
///
/// A file that was cut, changed or belongs to another version counts as absent. Several processes may share a folder.
///
/// ```swift
/// let cache = FeatureCache(modelHash: model.weightsHash)
/// let features = try cache.features(of: corpus.url(of: utterance)) { try model.features(of: $0) }
/// ```
public struct FeatureCache: Sendable {
    public let folder: URL
    private let modelHash: String
    private let version: String
    private static let magic = Data("RSFEAT02".utf8)

    /// - Parameters:
    ///   - modelHash: `AudioLanguageModel.weightsHash`.
    ///   - version: of the code that makes features; change it with the code.
    public init(
        folder: URL = ResurfaceCache.folder.appendingPathComponent("features"), modelHash: String, version: String = "1"
    ) {
        self.folder = folder
        self.modelHash = modelHash
        self.version = version
    }

    /// The features of an audio file, from the cache or made by `make` and kept. A cache that cannot be written is no
    /// error: the features are there all the same.
    public func features(of audio: URL, make: (Waveform) throws -> AudioFeatures) throws -> AudioFeatures {
        let key = try key(of: audio)
        if let known = load(key) { return known }
        let made = try make(AudioFile.read(audio))
        try? store(made, key: key)
        return made
    }

    /// Hexadecimal digits that stand for clip, model and version.
    public func key(of audio: URL) throws -> String {
        do {
            let content = try Checksum.sha256(file: audio)
            return Checksum.sha256(Data("\(content) \(modelHash) \(version)".utf8))
        } catch let error as CheckpointError {
            throw CorpusError(error.description)
        }
    }

    /// nil where there is no good file.
    public func load(_ key: String) -> AudioFeatures? {
        guard let data = try? Data(contentsOf: url(key)) else { return nil }
        return Self.decode(data)
    }

    /// Keeps features under a key: whole or not at all.
    public func store(_ features: AudioFeatures, key: String) throws {
        let data = try Self.encode(features)
        let url = url(key)
        do {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try AtomicFile.write(data, to: url)
        } catch let error as CheckpointError {
            throw CorpusError(error.description)
        } catch {
            throw CorpusError("\(url.path): cannot be written: \(error.localizedDescription)")
        }
    }

    /// A folder for each first two digits: directories of many thousand files are slow.
    package func url(_ key: String) -> URL { folder.appendingPathComponent("\(key.prefix(2))/\(key).features") }

    // Magic; u32 count, width, stages, codes; u32 length of each stage; f32 values; f32 stages; i32 codes; SHA-256 of all before.
    private static func encode(_ features: AudioFeatures) throws -> Data {
        let (expected, overflow) = features.count.multipliedReportingOverflow(by: features.width)
        guard !overflow, features.count >= 0, features.width >= 0, expected == features.values.count,
            expected <= 1 << 28, features.encoderStates.count <= 4_096
        else {
            throw CorpusError(
                "features of \(features.values.count) values, expected \(features.count) x \(features.width)")
        }
        var data = magic
        func append(_ number: Int) {
            withUnsafeBytes(of: UInt32(clamping: number).littleEndian) { data.append(contentsOf: $0) }
        }
        for number in [features.count, features.width, features.encoderStates.count, features.codes.count] {
            append(number)
        }
        for state in features.encoderStates { append(state.count) }
        for row in [features.values] + features.encoderStates {
            row.withUnsafeBytes { data.append(contentsOf: $0) }  // little endian on every machine that MLX knows
        }
        features.codes.withUnsafeBytes { data.append(contentsOf: $0) }
        data.append(contentsOf: SHA256.hash(data: data))
        return data
    }

    private static func decode(_ data: Data) -> AudioFeatures? {
        let bytes = [UInt8](data)
        guard bytes.count >= magic.count + 16 + 32, Data(bytes.prefix(magic.count)) == magic else { return nil }
        func number(_ index: Int) -> Int {
            let start = magic.count + 4 * index
            return (0..<4).reduce(0) { $0 | Int(bytes[start + $1]) << (8 * $1) }
        }
        let (count, width, stages, codes) = (number(0), number(1), number(2), number(3))
        let (values, overflow) = count.multipliedReportingOverflow(by: width)
        guard !overflow, values <= 1 << 28, stages <= 4_096, codes <= 1 << 24,
            bytes.count >= magic.count + 16 + 4 * stages + 32
        else { return nil }
        let lengths = (0..<stages).map { number(4 + $0) }
        let start = magic.count + 16 + 4 * stages
        let end = lengths.reduce(values + codes, +) * 4 + start  // each below 2^32: no overflow in 64 bits
        guard bytes.count == end + 32, Array(SHA256.hash(data: data.prefix(end))) == Array(bytes[end...]) else {
            return nil
        }
        func numbers<T>(_ from: Int, _ many: Int) -> [T] {  // f32 or i32
            [T](unsafeUninitializedCapacity: many) { buffer, initialized in
                bytes.withUnsafeBytes { source in
                    UnsafeMutableRawBufferPointer(buffer).copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: source[from..<(from + 4 * many)]))
                }
                initialized = many
            }
        }
        var place = start
        var rows: [[Float]] = []
        for many in [values] + lengths {
            rows.append(numbers(place, many))
            place += 4 * many
        }
        return AudioFeatures(
            values: rows[0], count: count, width: width, encoderStates: Array(rows.dropFirst()),
            codes: numbers(place, codes))
    }
}
