/// Tekken's rule. Of the letters it asks for the case: capitals end a word of small letters, and letters without case, and
/// marks, go with either.
extension PreTokenizer {
    /// What the pattern's two classes make of a scalar.
    private enum Letter {
        case none, capital, small
        /// In both classes: letters without case, modifier letters, marks.
        case either
    }

    private static func letter(_ scalar: UInt32) -> Letter {
        if scalar < 128 {
            switch scalar {
            case 65...90: return .capital
            case 97...122: return .small
            default: return .none
            }
        }
        switch Unicode.Scalar(scalar)?.properties.generalCategory {
        case .uppercaseLetter, .titlecaseLetter: return .capital
        case .lowercaseLetter: return .small
        case .modifierLetter, .otherLetter, .nonspacingMark, .spacingMark, .enclosingMark: return .either
        default: return .none
        }
    }

    /// The end of the word that begins at `start`, at most `limit`.
    static func tekkenEnd(_ text: ScalarText, _ start: Int, _ limit: Int) -> Int {
        if text.kinds[start] == .number { return start + 1 }
        let first = text.scalars[start]
        // One scalar before the letters, of any kind but these; a mark is one, and a letter as well.
        let lead = text.kinds[start] != .letter && first != newline && first != carriage
        if lead, let end = smallWord(text, start + 1, limit) { return end }
        if let end = smallWord(text, start, limit) { return end }
        // No small letter follows the capitals, or one of the two above had found it.
        for from in lead ? [start + 1, start] : [start] {
            let end = capitals(text, from, limit)
            if end > from { return end }
        }
        let kind = text.kinds[start]
        if kind == .other || (first == 32 && start + 1 < limit && text.kinds[start + 1] == .other) {
            var end = run(text, kind == .other ? start : start + 1, limit, of: .other)
            while end < limit, [newline, carriage, 47].contains(text.scalars[end]) { end += 1 }
            return end
        }
        return blanks(text, start, limit)
    }

    /// The end of capitals, as many as come, and at least one small letter; nil without one. Capitals that are `either` are given
    /// back until one can be the small letter.
    private static func smallWord(_ text: ScalarText, _ start: Int, _ limit: Int) -> Int? {
        let first = capitals(text, start, limit)
        var end = first
        while end < limit {
            let letter = letter(text.scalars[end])
            guard letter == .small || letter == .either else { break }
            end += 1
        }
        if end > first { return end }
        for place in stride(from: first - 1, through: start, by: -1) where letter(text.scalars[place]) == .either {
            return place + 1
        }
        return nil
    }

    private static func capitals(_ text: ScalarText, _ start: Int, _ limit: Int) -> Int {
        var end = start
        while end < limit {
            let letter = letter(text.scalars[end])
            guard letter == .capital || letter == .either else { break }
            end += 1
        }
        return end
    }
}
