import Foundation
import MLX

/// Writes safetensors files. The bytes depend on nothing but the tensors and texts: names are sorted, no times.
public enum Safetensors {
    /// Writes through `AtomicFile`. Evaluates the arrays, one at a time.
    public static func write(
        _ tensors: [(name: String, array: MLXArray)], metadata: [String: String] = [:], to url: URL
    ) throws {
        let fields = try tensors.map { name, array in
            guard let dtype = array.dtype else {
                throw CheckpointError("\(url.path): tensor \(name) has an element type that cannot be written")
            }
            return (name: name, info: TensorInfo(type: TensorType(dtype), shape: array.shape))
        }
        let arrays = Dictionary(tensors.map { ($0.name, $0.array) }, uniquingKeysWith: { first, _ in first })
        try write(fields, metadata: metadata, to: url) { try arrays[$0]?.rawData() ?? Data() }
    }

    /// As above for tensors that need not be in memory together: `data` is asked for the bytes of one after the other.
    public static func write(
        _ tensors: [(name: String, info: TensorInfo)], metadata: [String: String] = [:], to url: URL,
        data: (String) throws -> Data
    ) throws {
        let sorted = tensors.sorted { $0.name < $1.name }
        let (header, bytes) = try header(
            sorted.map { ($0.name, $0.info.type, $0.info.shape) }, metadata: metadata, path: url.path)
        try AtomicFile.write(to: url, bytes: header.count + bytes) { writer in
            try writer.write(header)
            for (name, info) in sorted {
                let own = try data(name)
                guard own.count == byteCount(info.shape, element: info.type.bytes) else {
                    throw CheckpointError(
                        "\(url.path): tensor \(name) came as \(own.count) bytes for shape \(info.shape)")
                }
                try writer.write(own)
            }
        }
    }

    /// Length, JSON and padding to a multiple of eight, and the size of the data.
    static func header(
        _ tensors: [(name: String, type: TensorType, shape: [Int])], metadata: [String: String], path: String
    ) throws -> (Data, Int) {
        var text = "{"
        if !metadata.isEmpty {
            text += "\"__metadata__\":" + JSONValue.object(metadata.mapValues { .string($0) }).text() + ","
        }
        var offset = 0
        var previous: String?
        for (name, type, shape) in tensors {
            guard name != previous, name != "__metadata__", !name.isEmpty else {
                throw CheckpointError("\(path): the tensor name \"\(name)\" is empty, reserved or there twice")
            }
            previous = name
            guard let bytes = byteCount(shape, element: type.bytes) else {
                throw CheckpointError("\(path): tensor \(name) of shape \(shape) is too large")
            }
            let (end, overflow) = offset.addingReportingOverflow(bytes)
            guard !overflow else { throw CheckpointError("\(path): the tensors together are too large") }
            text += "\(JSONValue.quoted(name)):{\"dtype\":\"\(type.rawValue)\",\"shape\":"
            text += "[\(shape.map(String.init).joined(separator: ","))],\"data_offsets\":[\(offset),\(end)]},"
            offset = end
        }
        if text.last == "," { text.removeLast() }
        text += "}"
        var json = Data(text.utf8)
        json.append(Data(repeating: 0x20, count: (8 - json.count % 8) % 8))
        guard json.count <= CheckpointLimits.safetensorsHeader else {
            throw CheckpointError("\(path): the header would have \(json.count) bytes, too many")
        }
        var header = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
        header.append(json)
        return (header, offset)
    }
}
