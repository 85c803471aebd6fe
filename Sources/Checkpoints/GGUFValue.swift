/// A metadata value of a GGUF file. Arrays are kept by kind; arrays of arrays are refused.
public enum GGUFValue: Sendable, Equatable {
    case integer(Int)
    /// A u64 beyond Int's range.
    case large(UInt64)
    case number(Double)
    case bool(Bool)
    case string(String)
    case integers([Int])
    case numbers([Double])
    case bools([Bool])
    case strings([String])
}

/// The value types of the format, by their codes.
enum GGUFType: UInt32 {
    case u8, i8, u16, i16, u32, i32, f32, bool, string, array, u64, i64, f64

    /// Bytes of one value; a string has at least its length.
    var leastBytes: Int {
        switch self {
        case .u8, .i8, .bool: 1
        case .u16, .i16: 2
        case .u32, .i32, .f32: 4
        case .u64, .i64, .f64, .string: 8
        case .array: 12
        }
    }
}

extension ByteReader {
    /// A metadata value; `items` counts the array items of the whole file.
    mutating func ggufValue(_ key: String, items: inout Int) throws -> GGUFValue {
        let type = try ggufType(key)
        guard type == .array else { return try ggufScalar(type, key) }
        let inner = try ggufType(key)
        guard inner != .array else { throw error("\(shown(key)): arrays of arrays are not read") }
        let count = try count(UInt64.self, atMost: remaining / inner.leastBytes, "the length of \(shown(key))")
        items += count
        guard items <= CheckpointLimits.ggufItems else {
            throw error("more than \(CheckpointLimits.ggufItems) array items in the metadata")
        }
        switch inner {
        case .string:
            var values: [String] = []
            values.reserveCapacity(count)
            for _ in 0..<count { values.append(try ggufText(key)) }
            return .strings(values)
        case .bool: return .bools(try list(count) { try $0.ggufBool(key) })
        case .f32, .f64: return .numbers(try list(count) { try $0.ggufNumber(inner, key) })
        default: return .integers(try list(count) { try $0.ggufInteger(inner, key) })
        }
    }

    /// A string: u64 length, bytes.
    mutating func ggufText(_ what: String) throws -> String {
        try text(try count(UInt64.self, atMost: max(0, remaining - 8), "the length of \(shown(what))"), shown(what))
    }

    private mutating func ggufType(_ key: String) throws -> GGUFType {
        let code = try integer(UInt32.self, "the type of \(shown(key))")
        guard let type = GGUFType(rawValue: code) else { throw error("\(shown(key)) has the unknown type \(code)") }
        return type
    }

    private mutating func ggufScalar(_ type: GGUFType, _ key: String) throws -> GGUFValue {
        switch type {
        case .string: return .string(try ggufText(key))
        case .bool: return .bool(try ggufBool(key))
        case .f32, .f64: return .number(try ggufNumber(type, key))
        case .u64:
            let value = try integer(UInt64.self, shown(key))
            return Int(exactly: value).map { .integer($0) } ?? .large(value)
        default: return .integer(try ggufInteger(type, key))
        }
    }

    private mutating func ggufBool(_ key: String) throws -> Bool {
        let byte = try integer(UInt8.self, shown(key))
        guard byte <= 1 else { throw error("\(shown(key)) is neither true nor false: \(byte)") }
        return byte == 1
    }

    private mutating func ggufNumber(_ type: GGUFType, _ key: String) throws -> Double {
        if type == .f32 { return Double(Float(bitPattern: try integer(UInt32.self, shown(key)))) }
        return Double(bitPattern: try integer(UInt64.self, shown(key)))
    }

    private mutating func ggufInteger(_ type: GGUFType, _ key: String) throws -> Int {
        switch type {
        case .u8: return Int(try integer(UInt8.self, shown(key)))
        case .i8: return Int(try integer(Int8.self, shown(key)))
        case .u16: return Int(try integer(UInt16.self, shown(key)))
        case .i16: return Int(try integer(Int16.self, shown(key)))
        case .u32: return Int(try integer(UInt32.self, shown(key)))
        case .i32: return Int(try integer(Int32.self, shown(key)))
        case .i64: return Int(try integer(Int64.self, shown(key)))
        default:
            let value = try integer(UInt64.self, shown(key))
            guard let fits = Int(exactly: value) else { throw error("\(shown(key)): \(value) is too large") }
            return fits
        }
    }

    private mutating func list<T>(_ count: Int, _ item: (inout ByteReader) throws -> T) throws -> [T] {
        var values: [T] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try item(&self)) }
        return values
    }
}
