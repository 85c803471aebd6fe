import Foundation
import MLX

/// A CTranslate2 `model.bin` of binary version 6. Every length is checked against the file before memory is taken.
public final class CTranslate2File: TensorSource {
    /// The file.
    public let url: URL
    /// The model's specification, "WhisperSpec" say, and its revision.
    public let specification: String
    public let revision: Int
    /// Second names of variables: alias to name.
    public let aliases: [String: String]
    /// All variable names, sorted, without aliases.
    public let names: [String]
    private let entries: [String: Entry]
    private let file: MappedFile

    private struct Entry: Sendable {
        var info: TensorInfo
        var range: Range<Int>
    }

    /// Opens and checks. Variables are read when asked for.
    public init(_ url: URL) throws {
        self.url = url
        let file = try MappedFile(url)
        self.file = file
        var found: [String: Entry] = [:]
        var other: [String: String] = [:]
        (specification, revision) = try file.withBytes(0..<file.count) { bytes in
            var reader = ByteReader(bytes, path: url.path)
            return try Self.read(&reader, entries: &found, aliases: &other)
        }
        entries = found
        aliases = other
        names = found.keys.sorted()
    }

    private static func read(
        _ reader: inout ByteReader, entries: inout [String: Entry], aliases: inout [String: String]
    ) throws -> (String, Int) {
        let version = try reader.integer(UInt32.self, "the version")
        guard version == 6 else {
            throw CheckpointError(
                "\(reader.path): binary version \(version), only 6 is read: not a CTranslate2 file of 4.x?")
        }
        let specification = try text(&reader, "the specification")
        let revision = Int(try reader.integer(UInt32.self, "the revision"))
        // A variable takes at least 8 bytes.
        let limit = min(CheckpointLimits.tensors, reader.remaining / 8)
        for _ in 0..<(try reader.count(UInt32.self, atMost: limit, "the number of variables")) {
            let (name, entry) = try variable(&reader)
            guard entries.updateValue(entry, forKey: name) == nil else {
                throw reader.error("the variable \(shown(name)) is there twice")
            }
        }
        let aliasLimit = min(CheckpointLimits.tensors, reader.remaining / 6)
        for _ in 0..<(try reader.count(UInt32.self, atMost: aliasLimit, "the number of aliases")) {
            let alias = try text(&reader, "an alias")
            let name = try text(&reader, "an alias")
            guard entries[name] != nil, entries[alias] == nil, aliases.updateValue(name, forKey: alias) == nil else {
                throw reader.error("the alias \(shown(alias)) is there twice or names no variable")
            }
        }
        guard reader.remaining == 0 else { throw reader.error("\(reader.remaining) bytes after the end: damaged") }
        return (specification, revision)
    }

    private static func variable(_ reader: inout ByteReader) throws -> (String, Entry) {
        let name = try text(&reader, "a variable name")
        let rank = try reader.count(UInt8.self, atMost: CheckpointLimits.rank, "the rank of \(shown(name))")
        var shape: [Int] = []
        for _ in 0..<rank {
            shape.append(
                try reader.count(UInt32.self, atMost: CheckpointLimits.dimension, "a dimension of \(shown(name))"))
        }
        let code = Int(try reader.integer(UInt8.self, "the type of \(shown(name))"))
        let types: [TensorType] = [.f32, .i8, .i16, .i32, .f16, .bf16]
        guard types.indices.contains(code) else { throw reader.error("\(shown(name)) has the unknown type \(code)") }
        let size = try reader.count(UInt32.self, atMost: reader.bytes.count, "the size of \(shown(name))")
        guard byteCount(shape, element: types[code].bytes) == size else {
            throw reader.error("\(shown(name)): \(size) bytes do not fit shape \(shape) of \(types[code].rawValue)")
        }
        let start = reader.place
        _ = try reader.take(size, shown(name))
        return (name, Entry(info: TensorInfo(type: types[code], shape: shape), range: start..<start + size))
    }

    /// u16 length that counts a closing NUL, then the bytes.
    private static func text(_ reader: inout ByteReader, _ what: String) throws -> String {
        let length = try reader.count(UInt16.self, atMost: max(0, reader.remaining - 2), "the length of \(what)")
        guard length >= 1 else { throw reader.error("\(what) has no closing NUL") }
        let text = try reader.text(length - 1, what)
        guard try reader.integer(UInt8.self, what) == 0, !text.utf8.contains(0) else {
            throw reader.error("\(what) is not closed by NUL")
        }
        return text
    }

    /// Type and shape. Aliases are understood.
    public func info(_ name: String) throws -> TensorInfo { try entry(name).info }

    /// A copy in the engine's memory, in the stored type.
    public func array(_ name: String) throws -> MLXArray {
        let entry = try entry(name)
        guard let dtype = entry.info.type.dtype else {
            throw CheckpointError(
                "\(url.path): \(name) has type \(entry.info.type.rawValue), which is not loaded as an array")
        }
        return try file.withBytes(entry.range) { try MLXArray(rawBytes: $0, shape: entry.info.shape, dtype: dtype) }
    }

    /// The values of a float variable as f32, row-major.
    public func floats(_ name: String) throws -> [Float] {
        let entry = try entry(name)
        let values = try file.withBytes(entry.range) { Checkpoints.floats($0, entry.info.type) }
        guard let values else {
            throw CheckpointError(
                "\(url.path): \(name) has type \(entry.info.type.rawValue): expected F32, F16 or BF16")
        }
        return values
    }

    /// An integer variable of one element.
    public func integer(_ name: String) throws -> Int {
        let entry = try entry(name)
        guard entry.info.count == 1, [.i8, .i16, .i32].contains(entry.info.type) else {
            throw CheckpointError(
                "\(url.path): \(name) is \(entry.info.type.rawValue) of shape \(entry.info.shape): expected one integer"
            )
        }
        return try file.withBytes(entry.range) { bytes in
            var reader = ByteReader(bytes, path: url.path)
            switch entry.info.type {
            case .i8: return Int(try reader.integer(Int8.self, name))
            case .i16: return Int(try reader.integer(Int16.self, name))
            default: return Int(try reader.integer(Int32.self, name))
            }
        }
    }

    private func entry(_ name: String) throws -> Entry {
        guard let entry = entries[aliases[name] ?? name] else {
            throw CheckpointError("\(url.path) has no variable \(name)")
        }
        return entry
    }
}
