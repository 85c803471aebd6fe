/// A strict JSON reader for tokenizer files, which come from strangers.
///
/// Not Foundation's: it takes the last of two equal keys in silence, compares keys under canonical equivalence, and
/// cannot say at which field a file is broken. This one refuses duplicate keys, lone surrogates, invalid UTF-8, deep
/// nesting and trailing bytes, and names the path of the field it was reading.
package struct TokenizerJSONParser {
    private let bytes: [UInt8]
    private let source: String
    private var place = 0
    private var path: [String]
    private var values = 0

    /// Parses a whole document. `source` is the name of the file in error texts.
    package static func parse(_ bytes: [UInt8], source: String) throws -> JSONNode {
        guard bytes.count <= TokenizerLimits.fileBytes else {
            throw TokenizationError(
                "\(source): the file has \(bytes.count) bytes, at most \(TokenizerLimits.fileBytes) are read")
        }
        var parser = TokenizerJSONParser(bytes: bytes, source: source)
        let value = try parser.value(depth: 0)
        parser.skipBlanks()
        guard parser.place == bytes.count else { throw parser.broken("the end of the document") }
        return value
    }

    private init(bytes: [UInt8], source: String) {
        self.bytes = bytes
        self.source = source
        path = [source]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { place = 3 }
    }

    private var current: UInt8? { place < bytes.count ? bytes[place] : nil }

    private func broken(_ expected: String) -> TokenizationError {
        let found: String
        if let byte = current {
            found =
                (33...126).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x\(String(byte, radix: 16))"
        } else {
            found = "the end of the file"
        }
        return TokenizationError(
            "\(path.joined(separator: ".")): malformed JSON at byte \(place): expected \(expected), found \(found)")
    }

    private mutating func skipBlanks() {
        while place < bytes.count {
            switch bytes[place] {
            case 0x20, 0x09, 0x0A, 0x0D: place += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws -> JSONNode {
        guard depth <= TokenizerLimits.depth else {
            throw TokenizationError(
                "\(path.prefix(6).joined(separator: ".")): nested deeper than \(TokenizerLimits.depth) levels; "
                    + "a tokenizer file needs 6")
        }
        values += 1
        guard values <= TokenizerLimits.jsonValues else {
            throw TokenizationError(
                "\(source): more than \(TokenizerLimits.jsonValues) values; expected a tokenizer's file")
        }
        skipBlanks()
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ text: String, _ value: JSONNode) throws -> JSONNode {
        guard bytes[place...].starts(with: text.utf8) else { throw broken("`\(text)`") }
        place += text.utf8.count
        return value
    }

    private mutating func object(depth: Int) throws -> JSONNode {
        place += 1
        var members: [(key: String, value: JSONNode)] = []
        var seen: Set<ByteKey> = []
        skipBlanks()
        if current == UInt8(ascii: "}") {
            place += 1
            return .object(members)
        }
        while true {
            skipBlanks()
            guard current == UInt8(ascii: "\"") else { throw broken("a key in quotes") }
            let key = try string()
            path.append(key.utf8.count <= 80 ? key : String(decoding: key.utf8.prefix(80), as: UTF8.self) + "...")
            guard seen.insert(ByteKey(key)).inserted else {
                throw TokenizationError("\(path.joined(separator: ".")): this key stands twice in its object")
            }
            skipBlanks()
            guard current == UInt8(ascii: ":") else { throw broken("':'") }
            place += 1
            members.append((key, try value(depth: depth + 1)))
            path.removeLast()
            skipBlanks()
            if current == UInt8(ascii: "}") { break }
            guard current == UInt8(ascii: ",") else { throw broken("',' or '}'") }
            place += 1
        }
        place += 1
        return .object(members)
    }

    private mutating func array(depth: Int) throws -> JSONNode {
        place += 1
        var items: [JSONNode] = []
        skipBlanks()
        if current == UInt8(ascii: "]") {
            place += 1
            return .array(items)
        }
        while true {
            path.append("[\(items.count)]")
            items.append(try value(depth: depth + 1))
            path.removeLast()
            skipBlanks()
            if current == UInt8(ascii: "]") { break }
            guard current == UInt8(ascii: ",") else { throw broken("',' or ']'") }
            place += 1
        }
        place += 1
        return .array(items)
    }

    private mutating func number() throws -> JSONNode {
        let start = place
        func digit(_ byte: UInt8?) -> Bool { byte.map { (0x30...0x39).contains($0) } ?? false }
        if current == UInt8(ascii: "-") { place += 1 }
        guard digit(current) else { throw broken("a value") }
        if current == UInt8(ascii: "0") {
            place += 1
        } else {
            while digit(current) { place += 1 }
        }
        var whole = true
        if current == UInt8(ascii: ".") {
            whole = false
            place += 1
            guard digit(current) else { throw broken("a digit") }
            while digit(current) { place += 1 }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            whole = false
            place += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { place += 1 }
            guard digit(current) else { throw broken("a digit") }
            while digit(current) { place += 1 }
        }
        guard place - start <= 400 else { throw broken("a number of at most 400 characters") }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        if whole, let integer = Int(text) { return .integer(integer) }
        return .number(Double(text) ?? .infinity)
    }

    private mutating func string() throws -> String {
        place += 1
        var text: [UInt8] = []
        while true {
            let start = place
            while place < bytes.count, bytes[place] != 0x22, bytes[place] != 0x5C, bytes[place] >= 0x20 { place += 1 }
            text.append(contentsOf: bytes[start..<place])
            guard let byte = current else { throw broken("the closing quote of a string") }
            place += 1
            if byte == 0x22 { break }
            guard byte == 0x5C else {
                place -= 1
                throw broken("an escaped control character")
            }
            try escape(into: &text)
        }
        guard let result = String(validating: text, as: UTF8.self) else {
            throw broken("valid UTF-8 in the string that ends here")
        }
        return result
    }

    private mutating func escape(into text: inout [UInt8]) throws {
        guard let letter = current else { throw broken("an escape") }
        place += 1
        switch letter {
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case 0x22, 0x5C, 0x2F: text.append(letter)
        case UInt8(ascii: "u"):
            var code = try fourDigits()
            if (0xD800..<0xDC00).contains(code), current == 0x5C, place + 1 < bytes.count, bytes[place + 1] == 0x75 {
                place += 2
                let low = try fourDigits()
                guard (0xDC00..<0xE000).contains(low) else { throw broken("the second half of a surrogate pair") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw broken("a paired surrogate, not a lone one,") }
            text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default:
            place -= 1
            throw broken("one of the escapes of JSON")
        }
    }

    private mutating func fourDigits() throws -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw broken("four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            place += 1
        }
        return code
    }
}
