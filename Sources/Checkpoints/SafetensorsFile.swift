import Foundation
import MLX

/// A safetensors file, validated when opened and mapped into memory. See `SafetensorsHeader` for what is checked.
public final class SafetensorsFile: TensorSource {
    /// The file.
    public let url: URL
    /// The free texts of `__metadata__`.
    public let metadata: [String: String]
    /// All tensor names, sorted.
    public let names: [String]
    private let entries: [String: SafetensorsHeader.Entry]
    private let file: MappedFile

    /// Opens and validates. Tensors are read when asked for.
    public init(_ url: URL) throws {
        self.url = url
        file = try MappedFile(url)
        let header = try SafetensorsHeader(file)
        metadata = header.metadata
        entries = header.entries
        names = header.entries.keys.sorted()
    }

    /// Type and shape.
    public func info(_ name: String) throws -> TensorInfo { try entry(name).info }

    /// A copy in the engine's memory, in the stored type.
    public func array(_ name: String) throws -> MLXArray {
        let entry = try entry(name)
        guard let dtype = entry.info.type.dtype else {
            throw CheckpointError(
                "\(url.path): \(name) has type \(entry.info.type.rawValue), which cannot be loaded as an array: "
                    + "convert it to F32, F16, BF16, I32, U32, I64, U8 or BOOL")
        }
        return try file.withBytes(entry.range) { bytes in
            if dtype == .bool, bytes.contains(where: { $0 > 1 }) {
                throw CheckpointError("\(url.path): \(name) has type BOOL but holds bytes other than 0 and 1")
            }
            return try MLXArray(rawBytes: bytes, shape: entry.info.shape, dtype: dtype)
        }
    }

    /// The tensor over the file's own pages, which are read when they are used and need no memory of ours; a copy where the engine
    /// cannot do that. The file must not be changed while it is in use.
    public func mapped(_ name: String) throws -> MLXArray {
        let entry = try entry(name)
        if let dtype = entry.info.type.dtype, dtype != .bool {
            let array = try file.withBytes(entry.range) {
                MLXArray(
                    mapped: $0, shape: entry.info.shape, dtype: dtype, owner: MappedRange(file, entry.range))
            }
            if let array { return array }
        }
        return try array(name)
    }

    /// The stored bytes.
    public func data(_ name: String) throws -> Data { try file.withBytes(entry(name).range) { Data($0) } }

    /// Throws, naming file and tensor, unless every element is finite; integers are.
    public func checkFinite(_ name: String) throws {
        let entry = try entry(name)
        // Gigabytes are looked at once: they need not stay in memory for that.
        defer { file.forget(entry.range) }
        // All exponent bits set: infinite, or not a number.
        func finite<T: FixedWidthInteger>(_ exponent: T, _ bytes: UnsafeRawBufferPointer) -> Bool {
            var found = false
            for i in stride(from: 0, to: bytes.count, by: MemoryLayout<T>.size) {
                found = found || bytes.loadUnaligned(fromByteOffset: i, as: T.self) & exponent == exponent
            }
            return !found
        }
        let allFinite = try file.withBytes(entry.range) { bytes in
            switch entry.info.type {
            case .f64: finite(0x7FF0_0000_0000_0000 as UInt64, bytes)
            case .f32: finite(0x7F80_0000 as UInt32, bytes)
            case .f16: finite(0x7C00 as UInt16, bytes)
            case .bf16: finite(0x7F80 as UInt16, bytes)
            default: true
            }
        }
        guard allFinite else {
            throw CheckpointError(
                "\(url.path): tensor \(shown(name)) holds values that are not finite: the file is damaged, get it again"
            )
        }
    }

    private func entry(_ name: String) throws -> SafetensorsHeader.Entry {
        guard let entry = entries[name] else { throw CheckpointError("\(url.path) has no tensor \(name)") }
        return entry
    }
}
