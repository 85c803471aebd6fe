import Foundation
import MLX

/// A GGUF file, version 2 or 3, with tensors of F32, F16, Q4_0, Q4_1 or Q8_0. Every length is checked against the
/// file before memory is taken. Tensors come out as f32.
public final class GGUFFile: TensorSource {
    /// The file.
    public let url: URL
    /// 2 or 3.
    public let version: Int
    /// Keys and values, as in the file.
    public let metadata: [String: GGUFValue]
    /// All tensor names, sorted.
    public let names: [String]
    private let entries: [String: Entry]
    private let file: MappedFile

    private struct Entry: Sendable {
        var shape: [Int]
        var block: GGUFBlock
        /// From the start of the file.
        var range: Range<Int>
    }

    /// Opens and checks. Tensors are read when asked for.
    public init(_ url: URL) throws {
        self.url = url
        let file = try MappedFile(url)
        self.file = file
        var found: [String: Entry] = [:]
        var pairs: [String: GGUFValue] = [:]
        version = try file.withBytes(0..<file.count) { bytes in
            var reader = ByteReader(bytes, path: url.path)
            return try Self.read(&reader, pairs: &pairs, entries: &found)
        }
        metadata = pairs
        entries = found
        names = found.keys.sorted()
    }

    private static func read(
        _ reader: inout ByteReader, pairs: inout [String: GGUFValue], entries: inout [String: Entry]
    ) throws -> Int {
        guard try reader.integer(UInt32.self, "the mark GGUF") == 0x4655_4747 else {
            throw CheckpointError("\(reader.path) does not begin with GGUF: not a GGUF file")
        }
        let version = try reader.integer(UInt32.self, "the version")
        guard version == 2 || version == 3 else { throw reader.error("version \(version): only 2 and 3 are read") }
        // A tensor takes at least 24 bytes of the header, a pair 13: false counts end here.
        let tensorLimit = min(CheckpointLimits.tensors, reader.remaining / 24)
        let tensorCount = try reader.count(UInt64.self, atMost: tensorLimit, "the number of tensors")
        let pairLimit = min(CheckpointLimits.ggufPairs, reader.remaining / 13)
        let pairCount = try reader.count(UInt64.self, atMost: pairLimit, "the number of metadata pairs")
        var items = 0
        for _ in 0..<pairCount {
            let key = try reader.ggufText("a metadata key")
            let value = try reader.ggufValue(key, items: &items)
            guard pairs.updateValue(value, forKey: key) == nil else {
                throw reader.error("the key \(shown(key)) is there twice")
            }
        }
        var relative: [(name: String, shape: [Int], block: GGUFBlock, offset: Int, bytes: Int)] = []
        for _ in 0..<tensorCount { relative.append(try tensor(&reader)) }
        let start = try dataStart(reader, pairs)
        let available = reader.bytes.count - start
        for tensor in relative {
            let (end, overflow) = tensor.offset.addingReportingOverflow(tensor.bytes)
            guard !overflow, end <= available else {
                throw CheckpointError(
                    "\(reader.path): tensor \(shown(tensor.name)) ends beyond the file: cut off or damaged")
            }
            let entry = Entry(shape: tensor.shape, block: tensor.block, range: start + tensor.offset..<start + end)
            guard entries.updateValue(entry, forKey: tensor.name) == nil else {
                throw CheckpointError("\(reader.path): tensor \(shown(tensor.name)) is there twice")
            }
        }
        var place = start
        for (name, entry) in entries.sorted(by: { Self.before($0.value.range, $1.value.range) }) {
            guard entry.range.lowerBound >= place else {
                throw CheckpointError("\(reader.path): tensor \(shown(name)) overlaps another")
            }
            place = entry.range.upperBound
        }
        return Int(version)
    }

    private static func before(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
        (a.lowerBound, a.upperBound) < (b.lowerBound, b.upperBound)
    }

    private static func tensor(
        _ reader: inout ByteReader
    ) throws -> (name: String, shape: [Int], block: GGUFBlock, offset: Int, bytes: Int) {
        let name = try reader.ggufText("a tensor name")
        let rank = try reader.count(UInt32.self, atMost: CheckpointLimits.ggufRank, "the rank of \(shown(name))")
        var shape: [Int] = []
        for _ in 0..<rank {
            shape.append(
                try reader.count(UInt64.self, atMost: CheckpointLimits.dimension, "a dimension of \(shown(name))"))
        }
        shape.reverse()  // the file has the fastest axis first
        let code = try reader.integer(UInt32.self, "the type of \(shown(name))")
        guard let block = GGUFBlock(rawValue: code) else {
            throw reader.error("tensor \(shown(name)) has block type \(code); read are F32, F16, Q4_0, Q4_1 and Q8_0")
        }
        let offset = try reader.count(UInt64.self, atMost: reader.bytes.count, "the offset of \(shown(name))")
        guard (shape.last ?? 1) % block.items == 0 else {
            throw reader.error(
                "tensor \(shown(name)): rows of \(shape.last ?? 1) are no whole blocks of \(block.items)")
        }
        guard let count = byteCount(shape, element: 1),
            let scaled = byteCount([count / block.items], element: block.bytes)
        else { throw reader.error("tensor \(shown(name)) of shape \(shape) is too large") }
        return (name, shape, block, offset, scaled)
    }

    /// The data begin at the next multiple of the alignment.
    private static func dataStart(_ reader: ByteReader, _ pairs: [String: GGUFValue]) throws -> Int {
        var alignment = 32
        if let value = pairs["general.alignment"] {
            guard case .integer(let given) = value, (1...1 << 20).contains(given), given & (given - 1) == 0 else {
                throw CheckpointError("\(reader.path): general.alignment must be a power of two up to 1048576")
            }
            alignment = given
        }
        let start = (reader.place + alignment - 1) / alignment * alignment
        return min(start, reader.bytes.count)  // a file without tensors may end early
    }

    /// Type (always f32, whatever the blocks) and shape, slowest axis first.
    public func info(_ name: String) throws -> TensorInfo { TensorInfo(type: .f32, shape: try entry(name).shape) }

    /// The stored block type: "F32", "Q4_1", ...
    public func blockType(_ name: String) throws -> String { try entry(name).block.name }

    /// The values as f32, row-major.
    public func floats(_ name: String) throws -> [Float] {
        let entry = try entry(name)
        return try file.withBytes(entry.range) { entry.block.floats($0) }
    }

    /// The values as an f32 array.
    public func array(_ name: String) throws -> MLXArray {
        let values = try floats(name)
        return try values.withUnsafeBytes { try MLXArray(rawBytes: $0, shape: try entry(name).shape, dtype: .float32) }
    }

    private func entry(_ name: String) throws -> Entry {
        guard let entry = entries[name] else { throw CheckpointError("\(url.path) has no tensor \(name)") }
        return entry
    }
}
