/// Typed access to the fields of a JSON object. Every error names the file and the field, what was expected and found.
///
///     let config = try JSONFile.object(at: folder.appendingPathComponent("config.json"))
///     let layers = try config.int("num_hidden_layers", in: 1...1000)
public struct JSONObject: Sendable, Equatable {
    /// The file and the way to this object in it, for error texts.
    public let place: String
    /// The fields as read.
    public let fields: [String: JSONValue]

    /// An object that was read from `place`.
    public init(_ fields: [String: JSONValue], place: String) {
        self.fields = fields
        self.place = place
    }

    /// The field names, sorted.
    public var keys: [String] { fields.keys.sorted() }

    /// Whether the field is there and not null.
    public func has(_ key: String) -> Bool { present(key) != nil }

    /// The field as read; nil where absent or null.
    public func value(_ key: String) -> JSONValue? { present(key) }

    /// A whole number in a range; an absent or null field gives `fallback`, or an error where that is nil.
    public func int(_ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil) throws -> Int {
        guard let value = try need(key, fallback) else { return fallback ?? 0 }
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard case .integer(let number) = value, range.contains(number) else { throw wrong(key, expected, value) }
        return number
    }

    /// A finite number in a range.
    public func double(_ key: String, in range: ClosedRange<Double>, default fallback: Double? = nil) throws -> Double {
        guard let value = try need(key, fallback) else { return fallback ?? 0 }
        let number: Double
        switch value {
        case .integer(let whole): number = Double(whole)
        case .number(let real): number = real
        default: throw wrong(key, "a number", value)
        }
        guard range.contains(number) else {
            throw wrong(key, "a number from \(range.lowerBound) to \(range.upperBound)", value)
        }
        return number
    }

    /// true or false.
    public func bool(_ key: String, default fallback: Bool? = nil) throws -> Bool {
        guard let value = try need(key, fallback) else { return fallback ?? false }
        guard case .bool(let answer) = value else { throw wrong(key, "true or false", value) }
        return answer
    }

    /// A text, where `allowed` is given one of those.
    public func string(_ key: String, oneOf allowed: [String] = [], default fallback: String? = nil) throws -> String {
        guard let value = try need(key, fallback) else { return fallback ?? "" }
        let expected = allowed.isEmpty ? "a text" : "one of " + allowed.map { "\"\($0)\"" }.joined(separator: ", ")
        guard case .string(let text) = value, allowed.isEmpty || allowed.contains(text) else {
            throw wrong(key, expected, value)
        }
        return text
    }

    /// An object inside this one.
    public func object(_ key: String) throws -> JSONObject {
        guard let value = try need(key, nil as Int?) else { throw missing(key) }
        guard case .object(let inner) = value else { throw wrong(key, "an object", value) }
        return JSONObject(inner, place: "\(place): \(key)")
    }

    /// An object inside this one; nil where absent or null.
    public func optionalObject(_ key: String) throws -> JSONObject? { has(key) ? try object(key) : nil }

    /// A list of texts.
    public func strings(_ key: String, default fallback: [String]? = nil) throws -> [String] {
        guard let value = try need(key, fallback) else { return fallback ?? [] }
        guard case .array(let items) = value else { throw wrong(key, "a list of texts", value) }
        return try items.map { item in
            guard case .string(let text) = item else { throw wrong(key, "a list of texts only", item) }
            return text
        }
    }

    /// A list of whole numbers in a range.
    public func ints(_ key: String, in range: ClosedRange<Int>, default fallback: [Int]? = nil) throws -> [Int] {
        guard let value = try need(key, fallback) else { return fallback ?? [] }
        let expected = "a list of whole numbers from \(range.lowerBound) to \(range.upperBound)"
        guard case .array(let items) = value else { throw wrong(key, expected, value) }
        return try items.map { item in
            guard case .integer(let number) = item, range.contains(number) else { throw wrong(key, expected, item) }
            return number
        }
    }

    /// An error about one field, in the same words as the ones above.
    public func wrong(_ key: String, _ expected: String, _ found: JSONValue) -> CheckpointError {
        CheckpointError("\(place): field \"\(key)\": expected \(expected), found \(found.kind)")
    }

    private func missing(_ key: String) -> CheckpointError {
        CheckpointError("\(place): the field \"\(key)\" is missing")
    }

    private func present(_ key: String) -> JSONValue? {
        guard let value = fields[key], value != .null else { return nil }
        return value
    }

    /// nil: absent, and the fallback is to be used.
    private func need<T>(_ key: String, _ fallback: T?) throws -> JSONValue? {
        if let value = present(key) { return value }
        if fallback == nil { throw missing(key) }
        return nil
    }
}
