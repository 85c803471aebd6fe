/// A parsed JSON document with typed look-ups whose errors name the field.
///
/// Objects keep their order and have unique keys (the parser refuses duplicates).
package enum JSONNode: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONNode])
    case object([(key: String, value: JSONNode)])

    /// What kind of value this is, for error texts.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a number that is no integer"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    package var isNull: Bool {
        if case .null = self { return true }
        return false
    }
}

/// One place in a document: the value with the path that leads to it, so that every complaint can name the field.
package struct JSONPlace {
    package let path: String
    package let value: JSONNode

    package init(_ value: JSONNode, path: String) {
        self.value = value
        self.path = path
    }

    package func wrong(_ expected: String) -> TokenizationError {
        TokenizationError("\(path): expected \(expected), found \(value.kind)")
    }

    /// The member of this object, or nil when it is absent or null.
    package func optional(_ key: String) throws -> JSONPlace? {
        guard case .object(let members) = value else { throw wrong("an object") }
        guard let member = members.first(where: { $0.key == key })?.value, !member.isNull else { return nil }
        return JSONPlace(member, path: path + "." + key)
    }

    package func required(_ key: String) throws -> JSONPlace {
        guard let field = try optional(key) else {
            throw TokenizationError("\(path).\(key): this field is missing or null; a byte-level BPE file must have it")
        }
        return field
    }

    package func string() throws -> String {
        guard case .string(let text) = value else { throw wrong("a string") }
        return text
    }

    package func bool() throws -> Bool {
        guard case .bool(let flag) = value else { throw wrong("true or false") }
        return flag
    }

    /// A token id: an integer from 0 to the largest id taken.
    package func id() throws -> Int32 {
        guard case .integer(let number) = value else { throw wrong("an integer id") }
        guard number >= 0, number < TokenizerLimits.ids else {
            throw TokenizationError("\(path): id \(number) is outside 0..<\(TokenizerLimits.ids)")
        }
        return Int32(number)
    }

    /// The items of this array, each with its index in its path.
    package func items() throws -> [JSONPlace] {
        guard case .array(let values) = value else { throw wrong("an array") }
        return values.enumerated().map { JSONPlace($1, path: "\(path)[\($0)]") }
    }

    /// The flag under `key`, with the value an absent field means.
    package func flag(_ key: String, absent: Bool) throws -> Bool {
        try optional(key)?.bool() ?? absent
    }
}
