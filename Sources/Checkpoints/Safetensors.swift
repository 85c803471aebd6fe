import Foundation
import MLX

/// Writes safetensors files. The bytes depend on nothing but the tensors and texts: names are sorted, no times.
public enum Safetensors {
    /// Writes through `AtomicFile`. Evaluates the arrays, one at a time.
    public static func write(
        _ tensors: [(name: String, array: MLXArray)], metadata: [String: String] = [:], to url: URL
    ) throws {
        var fields: [(name: String, type: TensorType, shape: [Int])] = []
        let sorted = tensors.sorted { $0.name < $1.name }
        for (name, array) in sorted {
            guard let dtype = array.dtype else {
                throw CheckpointError("\(url.path): tensor \(name) has an element type that cannot be written")
            }
            fields.append((name, TensorType(dtype), array.shape))
        }
        let (header, bytes) = try header(fields, metadata: metadata, path: url.path)
        try AtomicFile.write(to: url, bytes: header.count + bytes) { writer in
            try writer.write(header)
            for (_, array) in sorted { try writer.write(try array.rawData()) }
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
