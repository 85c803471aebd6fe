import Foundation

/// Reads JSON files with caps on size, depth and number of values.
public enum JSONFile {
    /// The object that a file holds.
    public static func object(at url: URL, limit: Int = CheckpointLimits.jsonFile) throws -> JSONObject {
        let root = try value(at: url, limit: limit)
        guard case .object(let fields) = root else {
            throw CheckpointError("\(url.path): expected a JSON object, found \(root.kind)")
        }
        return JSONObject(fields, place: url.path)
    }

    /// Any value that a file holds.
    public static func value(at url: URL, limit: Int = CheckpointLimits.jsonFile) throws -> JSONValue {
        let file = try MappedFile(url)
        guard file.count <= limit else {
            throw CheckpointError("\(url.path): \(file.count) bytes; a JSON file here may have at most \(limit)")
        }
        return try file.withBytes(0..<file.count) {
            try JSONParser.parse($0, name: url.path, depth: CheckpointLimits.jsonDepth)
        }
    }

    /// A value in memory; `name` stands for the file in error texts.
    public static func value(of data: Data, name: String) throws -> JSONValue {
        try data.withUnsafeBytes { try JSONParser.parse($0, name: name, depth: CheckpointLimits.jsonDepth) }
    }
}
