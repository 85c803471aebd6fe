import Foundation

/// Numbers in digits as words.
enum NumberWords {
    static let scales: Set<String> = ["hundred", "thousand", "million", "billion"]
    /// Words that a number may begin with.
    static let all = Set(small + tens)

    private static let small = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
        "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
    ]
    private static let tens = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    private static let ordinals = [
        "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
        "twelve": "twelfth",
    ]
    private static let units: [Character: String] = ["$": "dollars", "€": "euros", "£": "pounds"]

    /// "21st", "$3.50", "7:30", "1,000", "50%", "1990s"; nil for what does not begin so. More than twelve digits are said one by one.
    static func words(_ token: String) -> [String]? {
        var rest = token[...], unit: String?
        if let first = rest.first, let name = units[first] {
            unit = name
            rest = rest.dropFirst()
        }
        guard let first = rest.first, first.isASCII, first.isNumber else { return nil }
        let suffix = rest.drop { $0.isNumber || $0 == "," || $0 == "." || $0 == ":" }
        let number = rest.dropLast(suffix.count).filter { $0 != "," }
        if let colon = number.firstIndex(of: ":") {
            let minutes = number[number.index(after: colon)...]
            // "7:05" is said with an oh, "7:00" as seven or seven o'clock.
            if minutes == "00" { return cardinal(number[..<colon]) }
            let isShort = minutes.count == 2 && minutes.hasPrefix("0")
            return cardinal(number[..<colon]) + (isShort ? ["oh"] + digits(minutes.dropFirst()) : cardinal(minutes))
        }
        if let point = number.firstIndex(of: ".") {
            let whole = number[..<point], parts = number[number.index(after: point)...]
            if let unit { return cardinal(whole) + [unit] + cardinal(parts) }
            return cardinal(whole) + ["point"] + digits(parts) + (suffix == "%" ? ["percent"] : [])
        }
        var words = cardinal(number[...])
        switch suffix {
        case "st", "nd", "rd", "th": words = words.dropLast() + [ordinal(words.last ?? "")]
        case "s": words = words.dropLast() + [plural(words.last ?? "")]
        case "%": words.append("percent")
        default: break
        }
        return words + (unit.map { [$0] } ?? [])
    }

    private static func digits(_ text: Substring) -> [String] {
        text.compactMap { $0.wholeNumberValue }.filter { $0 < 10 }.map { small[$0] }
    }

    private static func cardinal(_ text: Substring) -> [String] {
        guard text.count <= 12, let value = Int(text) else { return digits(text) }
        // A telephone number or code.
        if text.count > 1, text.hasPrefix("0") { return digits(text) }
        return cardinal(value)
    }

    private static func cardinal(_ value: Int) -> [String] {
        if value < 20 { return [small[value]] }
        if value < 100 { return [tens[value / 10]] + (value % 10 > 0 ? [small[value % 10]] : []) }
        for (size, name) in [(1_000_000_000, "billion"), (1_000_000, "million"), (1000, "thousand"), (100, "hundred")]
        where value >= size {
            return cardinal(value / size) + [name] + (value % size > 0 ? cardinal(value % size) : [])
        }
        return []
    }

    private static func ordinal(_ word: String) -> String {
        if let known = ordinals[word] { return known }
        return word.hasSuffix("y") ? word.dropLast() + "ieth" : word + "th"
    }

    private static func plural(_ word: String) -> String { word.hasSuffix("y") ? word.dropLast() + "ies" : word + "s" }
}
