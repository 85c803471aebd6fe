/// The outer form of a response: words, and whether there is anything to judge.
package enum ResponseForm {
    /// Lower-case words; an apostrophe inside a word stays, everything else separates.
    package static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        for character in text.lowercased() {
            if character.isLetter || character.isNumber {
                word.append(character)
            } else if (character == "'" || character == "\u{2019}") && !word.isEmpty {
                word.append("'")
            } else if !word.isEmpty {
                words.append(trimmed(word))
                word = ""
            }
        }
        if !word.isEmpty { words.append(trimmed(word)) }
        return words
    }

    /// Fewer than three words, or most of its word triples said before: a small model that turns in a circle.
    package static func isUnusable(_ words: [String]) -> Bool {
        guard words.count >= 3 else { return true }
        guard words.count >= 12 else { return Set(words).count == 1 }
        var seen: Set<String> = []
        for start in 0..<(words.count - 2) { seen.insert(words[start..<(start + 3)].joined(separator: " ")) }
        return Double(seen.count) < 0.4 * Double(words.count - 2)
    }

    /// A light stemmer: plural, -ing, -ed, -ly and a doubled consonant. Both sides of a comparison go through it, so
    /// that it need not be right, only the same.
    package static func stem(_ word: String) -> String {
        var stem = word
        if stem.hasSuffix("'s") { stem.removeLast(2) }
        guard stem.count > 3 else { return stem }
        if stem.hasSuffix("ies"), stem.count > 4 {
            stem.removeLast(3)
            stem += "y"
        } else if stem.hasSuffix("sses") {
            stem.removeLast(2)
        } else if stem.hasSuffix("s"), !stem.hasSuffix("ss"), !stem.hasSuffix("us"), !stem.hasSuffix("is") {
            stem.removeLast()
        }
        for suffix in ["ing", "ed", "ly"] where stem.hasSuffix(suffix) && stem.count >= suffix.count + 3 {
            stem.removeLast(suffix.count)
            if let last = stem.last, stem.dropLast().last == last, !"aeiouls".contains(last) { stem.removeLast() }
            break
        }
        if stem.hasSuffix("e"), stem.count > 3 { stem.removeLast() }
        return stem
    }

    private static func trimmed(_ word: String) -> String {
        var word = word
        while word.hasSuffix("'") { word.removeLast() }
        return word
    }
}
