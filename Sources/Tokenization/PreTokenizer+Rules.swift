/// The rules of `PreTokenizer`, as functions from a place in the text to the end of the word that begins there.
///
/// The order of the tests is the order of the alternatives in the patterns, and the steps back in white space are what
/// a backtracking engine does for `\s+(?!\S)` and `\s*[\r\n]+`.
extension PreTokenizer {
    static let newline: UInt32 = 10
    static let carriage: UInt32 = 13

    /// Calls `body` with every word of the text, as ranges of its UTF-8 bytes, in order and without gaps.
    package func forEachWord(in text: ScalarText, _ body: (Range<Int>) -> Void) {
        func emit(_ start: Int, _ end: Int) { body(Int(text.offsets[start])..<Int(text.offsets[end])) }
        let count = text.scalars.count
        switch self {
        case .gpt2: Self.gpt2Words(text, 0, count, emit)
        case .qwen2, .tekken:
            let end = self == .qwen2 ? Self.qwen2End : Self.tekkenEnd
            var start = 0
            while start < count {
                let next = end(text, start, count)
                emit(start, next)
                start = next
            }
        case .smollm:
            var start = 0
            for place in 0..<count where text.kinds[place] == .number {
                Self.gpt2Words(text, start, place, emit)
                emit(place, place + 1)
                start = place + 1
            }
            Self.gpt2Words(text, start, count, emit)
        }
    }

    /// The words of a text as strings.
    package func words(of text: String) -> [String] {
        let scalars = ScalarText(text)
        var words: [String] = []
        forEachWord(in: scalars) { words.append(String(decoding: scalars.bytes[$0], as: UTF8.self)) }
        return words
    }

    private static func gpt2Words(_ text: ScalarText, _ from: Int, _ limit: Int, _ emit: (Int, Int) -> Void) {
        var start = from
        while start < limit {
            let end = gpt2End(text, start, limit)
            emit(start, end)
            start = end
        }
    }

    private static func gpt2End(_ text: ScalarText, _ start: Int, _ limit: Int) -> Int {
        if let end = contraction(text, start, limit, anyCase: false) { return end }
        var place = start
        if text.scalars[start] == 32, start + 1 < limit, text.kinds[start + 1] != .space { place += 1 }
        let kind = text.kinds[place]
        if kind != .space { return run(text, place, limit, of: kind) }
        return spaces(text, start, limit)
    }

    private static func qwen2End(_ text: ScalarText, _ start: Int, _ limit: Int) -> Int {
        if let end = contraction(text, start, limit, anyCase: true) { return end }
        let kind = text.kinds[start]
        switch kind {
        case .letter: return run(text, start, limit, of: .letter)
        case .number: return start + 1
        case .other, .space: break
        }
        let first = text.scalars[start]
        let next = start + 1 < limit ? text.kinds[start + 1] : nil
        if next == .letter, first != newline, first != carriage { return run(text, start + 1, limit, of: .letter) }
        if kind == .other || (first == 32 && next == .other) {
            var end = run(text, kind == .other ? start : start + 1, limit, of: .other)
            while end < limit, text.scalars[end] == newline || text.scalars[end] == carriage { end += 1 }
            return end
        }
        return blanks(text, start, limit)
    }

    /// `\s*[\r\n]+`, and where the white space holds no line end the rule of `spaces`.
    static func blanks(_ text: ScalarText, _ start: Int, _ limit: Int) -> Int {
        let end = run(text, start, limit, of: .space)
        for place in stride(from: end - 1, through: start, by: -1)
        where text.scalars[place] == newline || text.scalars[place] == carriage {
            return place + 1
        }
        return spaces(text, start, limit)
    }

    /// White space up to the end of its run, but the last one is left to a word that follows.
    private static func spaces(_ text: ScalarText, _ start: Int, _ limit: Int) -> Int {
        let end = run(text, start, limit, of: .space)
        return end < limit && end - start > 1 ? end - 1 : end
    }

    static func run(_ text: ScalarText, _ start: Int, _ limit: Int, of kind: ScalarText.Kind) -> Int {
        var end = start
        while end < limit, text.kinds[end] == kind { end += 1 }
        return end
    }

    /// The end of `'s 't 're 've 'm 'll 'd`, or nil. In any case, `s` is also the long s (simple case folding).
    private static func contraction(_ text: ScalarText, _ start: Int, _ limit: Int, anyCase: Bool) -> Int? {
        guard text.scalars[start] == 39, start + 1 < limit else { return nil }
        func letter(_ place: Int) -> UInt32 {
            guard place < limit else { return 0 }
            let scalar = text.scalars[place]
            if anyCase, (65...90).contains(scalar) { return scalar + 32 }
            return anyCase && scalar == 0x17F ? 115 : scalar
        }
        switch (letter(start + 1), letter(start + 2)) {
        case (115, _), (116, _), (109, _), (100, _): return start + 2
        case (114, 101), (118, 101), (108, 108): return start + 3
        default: return nil
        }
    }
}
