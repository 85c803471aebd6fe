/// The pieces of a tokenizer by id and by name, checked as they are added.
struct Vocabulary: Sendable {
    enum Role: UInt8 {
        /// Never assigned: an id between others that has no piece.
        case hole
        /// Made by BPE from bytes.
        case bytes
        /// Added by hand, not reachable by merging, shown when decoding (`<tool_call>`).
        case added
        /// Added by hand and left out when decoding (`<|im_end|>`).
        case special
    }

    private(set) var pieces: [String] = []
    /// The bytes each id decodes to.
    private(set) var bytes: [[UInt8]] = []
    private(set) var roles: [Role] = []
    private var ids: [ByteKey: Int32] = [:]
    private(set) var matcher = SpecialMatcher()

    init(capacity: Int) {
        pieces.reserveCapacity(capacity)
        bytes.reserveCapacity(capacity)
        roles.reserveCapacity(capacity)
        ids.reserveCapacity(capacity)
    }

    var count: Int { pieces.count }

    func id(of piece: String) -> Int32? { ids[ByteKey(piece)] }

    /// Adds a piece under an id. `field` names the place in the file for the error texts.
    mutating func add(_ piece: String, id: Int32, role: Role, field: @autoclosure () -> String) throws {
        guard id >= 0, id < TokenizerLimits.ids else {
            throw TokenizationError("\(field()): id \(id) is outside 0..<\(TokenizerLimits.ids)")
        }
        guard !piece.isEmpty else { throw TokenizationError("\(field()): an empty piece") }
        guard piece.utf8.count <= TokenizerLimits.pieceBytes else {
            throw TokenizationError(
                "\(field()): a piece of \(piece.utf8.count) bytes; at most \(TokenizerLimits.pieceBytes) are taken")
        }
        let index = Int(id)
        if index >= count {
            let missing = index + 1 - count
            pieces.append(contentsOf: repeatElement("", count: missing))
            bytes.append(contentsOf: repeatElement([], count: missing))
            roles.append(contentsOf: repeatElement(.hole, count: missing))
        }
        let key = ByteKey(piece)
        if let known = ids[key], known != id {
            throw TokenizationError("\(field()): the piece \(quoted(piece)) has two ids, \(known) and \(id)")
        }
        guard roles[index] == .hole || ids[key] == id else {
            throw TokenizationError(
                "\(field()): id \(id) belongs to \(quoted(pieces[index])) already, not to \(quoted(piece))")
        }
        if role == .bytes {
            bytes[index] = ByteLetters.bytes(of: piece) ?? key.bytes
        } else {
            bytes[index] = key.bytes
            matcher.add(key.bytes, id: id)
        }
        pieces[index] = piece
        roles[index] = role
        ids[key] = id
    }
}

/// A piece in quotes for an error text, cut when long.
func quoted(_ piece: String) -> String {
    let shown = String(piece.prefix(40))
    return "\"\(shown)\(shown.utf8.count < piece.utf8.count ? "..." : "")\""
}
