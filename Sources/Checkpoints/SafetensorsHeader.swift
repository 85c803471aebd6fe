import Foundation

/// The checked header of a safetensors file. The engine's own reader accepts overlapping tensors, holes, duplicate
/// keys and offsets that wrap, and can hang on 90 bytes: nothing reaches it unchecked.
///
/// Checked: length of the header; strict JSON of few levels without duplicate keys; `__metadata__` of texts; known
/// types; dimensions 0...2^31-1; product and size without overflow; size equal to the offsets' span; spans
/// contiguous from 0 to the end of the file; names without control characters.
struct SafetensorsHeader {
    struct Entry: Sendable {
        var info: TensorInfo
        /// In the file, not in the data part.
        var range: Range<Int>
    }
    private(set) var metadata: [String: String] = [:]
    private(set) var entries: [String: Entry] = [:]

    init(_ file: MappedFile) throws {
        let path = file.url.path
        guard file.count >= 8 else {
            throw CheckpointError("\(path): \(file.count) bytes: too short for a safetensors file")
        }
        let length = try file.withBytes(0..<8) { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(CheckpointLimits.safetensorsHeader) else {
            throw CheckpointError(
                "\(path): the header claims \(length) bytes, at most \(CheckpointLimits.safetensorsHeader) are allowed")
        }
        let start = 8 + Int(length)
        guard start <= file.count else {
            throw CheckpointError(
                "\(path): the header claims \(length) bytes, the file has \(file.count): it was cut off")
        }
        let root = try file.withBytes(8..<start) {
            // Also what tells it from other formats: the first byte is the object's brace.
            guard $0.first == UInt8(ascii: "{") else {
                throw CheckpointError("\(path): the header does not begin with '{': not a safetensors file")
            }
            return try JSONParser.parse($0, name: path, depth: CheckpointLimits.safetensorsDepth)
        }
        guard case .object(var fields) = root else { throw CheckpointError("\(path): the header is not an object") }
        if let free = fields.removeValue(forKey: "__metadata__") { metadata = try Self.texts(free, path) }
        guard fields.count <= CheckpointLimits.tensors else {
            throw CheckpointError("\(path): more than \(CheckpointLimits.tensors) tensors")
        }
        entries.reserveCapacity(fields.count)
        for (name, value) in fields {
            entries[name] = try Self.entry(name, value, path, dataStart: start, dataCount: file.count - start)
        }
        try checkSpans(path, start: start, end: file.count)
    }

    private static func texts(_ value: JSONValue, _ path: String) throws -> [String: String] {
        guard case .object(let fields) = value else { throw CheckpointError("\(path): __metadata__ is not an object") }
        return try fields.mapValues {
            guard case .string(let text) = $0 else {
                throw CheckpointError("\(path): __metadata__ may hold texts only")
            }
            return text
        }
    }

    private static func entry(
        _ name: String, _ value: JSONValue, _ path: String, dataStart: Int, dataCount: Int
    ) throws -> Entry {
        guard !name.isEmpty,
            !name.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) })
        else { throw CheckpointError("\(path): a tensor name is empty or holds control characters") }
        let place = "\(path): tensor \(name.prefix(200))"
        guard case .object(let fields) = value else { throw CheckpointError("\(place) is not an object") }
        let object = JSONObject(fields, place: place)
        if let key = object.keys.first(where: { !["dtype", "shape", "data_offsets"].contains($0) }) {
            throw CheckpointError("\(place): unknown field \"\(key.prefix(80))\"")
        }
        let spelled = try object.string("dtype")
        guard let type = TensorType(rawValue: spelled) else {
            throw CheckpointError("\(place): unknown element type \"\(spelled.prefix(20))\"")
        }
        let shape = try object.ints("shape", in: 0...CheckpointLimits.dimension)
        guard shape.count <= CheckpointLimits.rank else {
            throw CheckpointError("\(place): \(shape.count) dimensions, at most \(CheckpointLimits.rank) are allowed")
        }
        let offsets = try object.ints("data_offsets", in: 0...dataCount)
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw CheckpointError("\(place): data_offsets must be two rising numbers")
        }
        guard let bytes = byteCount(shape, element: type.bytes), bytes == offsets[1] - offsets[0] else {
            throw CheckpointError("\(place): type and shape \(shape) do not fit the offsets \(offsets)")
        }
        return Entry(info: TensorInfo(type: type, shape: shape), range: dataStart + offsets[0]..<dataStart + offsets[1])
    }

    private func checkSpans(_ path: String, start: Int, end: Int) throws {
        var place = start
        let order = entries.sorted {  // an empty tensor stands before the one that begins at the same place
            let (a, b) = ($0.value.range, $1.value.range)
            return (a.lowerBound, a.upperBound) < (b.lowerBound, b.upperBound)
        }
        for (name, entry) in order {
            guard entry.range.lowerBound == place else {
                let what = entry.range.lowerBound < place ? "overlaps the one before it" : "leaves a hole before it"
                throw CheckpointError("\(path): tensor \(name.prefix(200)) \(what)")
            }
            place = entry.range.upperBound
        }
        guard place == end else {
            throw CheckpointError("\(path): \(end - place) bytes after the last tensor: cut off or damaged")
        }
    }
}
