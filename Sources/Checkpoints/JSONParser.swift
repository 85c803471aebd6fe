import Foundation

/// A small strict JSON reader: UTF-8 only, no duplicate keys, no lone surrogates, nothing after the value but blanks;
/// depth and number of values are capped. Keys that are equal after Unicode normalisation count as duplicates.
struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    private let name: String
    private let depthLimit: Int
    private var place = 0
    private var values = 0

    /// `name`: the file, for error texts.
    static func parse(_ bytes: UnsafeRawBufferPointer, name: String, depth: Int) throws -> JSONValue {
        var parser = JSONParser(bytes: bytes, name: name, depthLimit: depth)
        let value = try parser.value(depth: 0)
        parser.skipBlanks()
        guard parser.place == bytes.count else { throw parser.error("text after the end of the JSON value") }
        return value
    }

    private init(bytes: UnsafeRawBufferPointer, name: String, depthLimit: Int) {
        self.bytes = bytes
        self.name = name
        self.depthLimit = depthLimit
    }

    private func error(_ what: String) -> CheckpointError { CheckpointError("\(name), JSON byte \(place): \(what)") }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipBlanks() {
        while place < bytes.count {
            switch bytes[place] {
            case 0x20, 0x0a, 0x0d, 0x09: place += 1
            default: return
            }
        }
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        skipBlanks()
        guard next == UInt8(ascii: character) else { throw error("expected '\(character)'") }
        place += 1
    }

    /// Consumes a character if it is next.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard next == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func value(depth: Int) throws -> JSONValue {
        values += 1
        guard values <= CheckpointLimits.jsonValues else {
            throw error("more than \(CheckpointLimits.jsonValues) values")
        }
        skipBlanks()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw error("the JSON ends too early")
        default: return try number()
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws -> JSONValue {
        let length = text.utf8CodeUnitCount
        guard bytes.count - place >= length,
            (0..<length).allSatisfy({ bytes[place + $0] == text.utf8Start[$0] })
        else { throw error("expected \(text)") }
        place += length
        return value
    }

    private mutating func object(depth: Int) throws -> JSONValue {
        guard depth <= depthLimit else { throw error("nested deeper than \(depthLimit)") }
        try expect("{")
        var fields: [String: JSONValue] = [:]
        if take("}") { return .object(fields) }
        repeat {
            skipBlanks()
            guard next == UInt8(ascii: "\"") else { throw error("expected a key in quotation marks") }
            let key = try string()
            try expect(":")
            let item = try value(depth: depth)
            guard fields.updateValue(item, forKey: key) == nil else {
                throw error("the key \"\(key.prefix(80))\" is there twice")
            }
        } while take(",")
        try expect("}")
        return .object(fields)
    }

    private mutating func array(depth: Int) throws -> JSONValue {
        guard depth <= depthLimit else { throw error("nested deeper than \(depthLimit)") }
        try expect("[")
        var items: [JSONValue] = []
        if take("]") { return .array(items) }
        repeat { items.append(try value(depth: depth)) } while take(",")
        try expect("]")
        return .array(items)
    }

    private mutating func number() throws -> JSONValue {
        let start = place
        func isDigit(_ byte: UInt8?) -> Bool { byte.map { $0 >= 0x30 && $0 <= 0x39 } ?? false }
        if next == UInt8(ascii: "-") { place += 1 }
        guard isDigit(next) else { throw error("expected a value") }
        let first = place
        while isDigit(next) { place += 1 }
        if bytes[first] == 0x30, place - first > 1 { throw error("a number with a leading zero") }
        var whole = true
        if next == UInt8(ascii: ".") {
            whole = false
            place += 1
            guard isDigit(next) else { throw error("a number without digits after the point") }
            while isDigit(next) { place += 1 }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            whole = false
            place += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { place += 1 }
            guard isDigit(next) else { throw error("a number without digits in the exponent") }
            while isDigit(next) { place += 1 }
        }
        guard place - start <= 64 else { throw error("a number of more than 64 characters") }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        if whole, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw error("the number \(text) is too large") }
        return .number(value)
    }

    /// From the opening quotation mark on.
    private mutating func string() throws -> String {
        place += 1
        let start = place
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { place += 1 }
        if next == UInt8(ascii: "\"") {  // the usual case: no escapes
            defer { place += 1 }
            return try utf8(bytes[start..<place])
        }
        var text = Array(bytes[start..<place])
        while let byte = next {
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return try text.withUnsafeBytes { try utf8($0[...]) }
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw error("a control character inside a string")
            default: text.append(byte)
            }
        }
        throw error("a string without end")
    }

    private func utf8(_ piece: Slice<UnsafeRawBufferPointer>) throws -> String {
        guard let text = String(validating: piece, as: UTF8.self) else { throw error("text that is not UTF-8") }
        return text
    }

    private mutating func escape(into text: inout [UInt8]) throws {
        guard let byte = next else { throw error("a string without end") }
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "u"):
            var code = try hexCode()
            if (0xd800..<0xdc00).contains(code) {
                guard next == UInt8(ascii: "\\") else { throw error("a lone surrogate") }
                place += 1
                guard next == UInt8(ascii: "u") else { throw error("a lone surrogate") }
                place += 1
                let low = try hexCode()
                guard (0xdc00..<0xe000).contains(low) else { throw error("a lone surrogate") }
                code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("a lone surrogate") }
            text.append(contentsOf: UTF8.encode(scalar)?.map { $0 } ?? [])
        default: throw error("an unknown escape in a string")
        }
    }

    private mutating func hexCode() throws -> UInt32 {
        guard bytes.count - place >= 4 else { throw error("a string without end") }
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[place])).hexDigitValue else {
                throw error("a bad \\u escape")
            }
            code = code << 4 | UInt32(digit)
            place += 1
        }
        return code
    }
}
