import Foundation

/// The words of a text as they are heard, so that a written text and a transcript of it can be compared: two spellings of one
/// sound are one.
///
/// Small letters without accents or punctuation; contractions written out ("I'm", "i am"); numbers, ordinals, amounts and times of
/// day as words; American spelling; titles and a few words with two usual spellings. Compound words are left to
/// `joiningCompounds`. What is truly ambiguous is left alone: "he's" (is or has), "'s" after a noun, years.
package enum SpokenWords {
    /// The words, one by one.
    package static func words(_ text: String) -> [String] {
        let plain = text.folding(
            options: [.caseInsensitive, .diacriticInsensitive], locale: Locale(identifier: "en_US")
        )
        .lowercased().replacingOccurrences(of: "\u{2019}", with: "'")
        let found = tokens(plain).flatMap { NumberWords.words($0) ?? written($0) }
        return hundreds(found)
    }

    /// Both texts' words, with two neighbours in one that are one word in the other joined: "lawn mower" and "lawnmower".
    package static func joiningCompounds(_ a: [String], _ b: [String]) -> ([String], [String]) {
        (joined(a, as: b), joined(b, as: a))
    }

    private static func joined(_ words: [String], as other: [String]) -> [String] {
        let known = Set(other), pairs = Set(zip(other, other.dropFirst()).map { $0 + " " + $1 })
        var result: [String] = []
        for word in words {
            if let last = result.last, known.contains(last + word), !pairs.contains(last + " " + word) {
                result[result.count - 1] = last + word
            } else {
                result.append(word)
            }
        }
        return result
    }

    /// Stretches of letters with apostrophes inside, and of digits with what belongs to a number: "$3.50", "7:30", "1,000", "21st".
    private static func tokens(_ text: String) -> [String] {
        let pattern = #/[$€£]?\d+(?:,\d{3})*(?:[.:]\d+)?(?:st|nd|rd|th|s|%)?(?![\p{L}\d])|\d+|\p{L}+(?:'\p{L}+)*/#
        return text.matches(of: pattern).map { String(text[$0.range]) }
    }

    private static func written(_ word: String) -> [String] {
        if let parts = wholes[word] { return parts.split(separator: " ").map(String.init) }
        for (ending, full) in endings where word.hasSuffix(ending) && word.count > ending.count {
            return written(String(word.dropLast(ending.count))) + [full]
        }
        return [american(word.replacingOccurrences(of: "'", with: ""))]
    }

    private static let endings = [("n't", "not"), ("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'m", "am")]

    /// Whole words that are written out, or spelled in two ways.
    private static let wholes: [String: String] = [
        "won't": "will not", "can't": "can not", "cannot": "can not", "shan't": "shall not", "let's": "let us",
        "it's": "it is", "that's": "that is", "what's": "what is", "where's": "where is", "there's": "there is",
        "here's": "here is", "how's": "how is", "who's": "who is", "when's": "when is", "i'd": "i would",
        "gonna": "going to", "wanna": "want to", "gotta": "got to", "gimme": "give me", "lemme": "let me",
        "cause": "because", "okay": "ok", "alright": "all right", "mr": "mister", "mrs": "missus", "dr": "doctor",
        "vs": "versus", "mum": "mom", "mummy": "mommy", "mums": "moms", "tv": "t v", "pj's": "pjs",
        "grey": "gray", "greys": "grays", "cheque": "check", "cheques": "checks", "tyre": "tire", "tyres": "tires",
        "pyjamas": "pajamas", "doughnut": "donut", "doughnuts": "donuts", "programme": "program",
        "programmes": "programs", "jewellery": "jewelry", "aeroplane": "airplane", "aeroplanes": "airplanes",
        "storey": "story", "plough": "plow", "mould": "mold", "mouldy": "moldy", "sceptical": "skeptical",
        "catalogue": "catalog", "dialogue": "dialog", "theatre": "theater", "theatres": "theaters",
        "centre": "center", "centres": "centers", "metre": "meter", "metres": "meters", "litre": "liter",
        "litres": "liters", "fibre": "fiber", "kilometre": "kilometer", "kilometres": "kilometers",
        "centimetre": "centimeter", "centimetres": "centimeters", "practise": "practice", "practising": "practicing",
        "licence": "license", "defence": "defense", "whilst": "while", "learnt": "learned", "burnt": "burned",
        "spelt": "spelled", "dreamt": "dreamed", "towards": "toward", "enrol": "enroll", "fulfil": "fulfill",
        "skilful": "skillful", "cosy": "cozy", "moustache": "mustache", "yoghurt": "yogurt", "ageing": "aging",
    ]

    /// -our, -ise, -lling and -lled as they are spelled in America.
    private static func american(_ word: String) -> String {
        for stem in ours where word.hasPrefix(stem + "our") { return stem + "or" + word.dropFirst(stem.count + 3) }
        for (ending, other) in [
            ("ise", "ize"), ("ised", "ized"), ("ises", "izes"), ("ising", "izing"), ("isation", "ization"),
        ]
        where word.hasSuffix(ending) && ises.contains(String(word.dropLast(ending.count))) {
            return word.dropLast(ending.count) + other
        }
        for ending in ["ling", "led", "ler", "lers"] where word.hasSuffix(ending) {
            let stem = String(word.dropLast(ending.count))
            if doubled.contains(stem) { return stem + ending.dropFirst() }
        }
        return word
    }

    private static let ours = [
        "col", "fav", "flav", "hum", "lab", "neighb", "behavi", "hon", "harb", "rum", "arm", "vap", "od", "parl",
        "splend", "vig", "endeav",
    ]
    private static let ises: Set<String> = [
        "organ", "real", "recogn", "apolog", "memor", "summar", "priorit", "visual", "critic", "emphas", "minim",
        "maxim", "optim", "personal", "special", "util", "analog", "final", "civil", "custom", "sympath", "categor",
        "familiar", "general", "normal", "stabil", "steril", "mesmer", "modern", "reorgan", "equal", "energ",
        "social",
    ]
    /// Before "ling", "led" or "ler": "travel" of "travelling".
    private static let doubled: Set<String> = [
        "travel", "cancel", "label", "model", "signal", "fuel", "level", "marvel", "quarrel", "equal", "dial", "total",
        "pedal",
    ]

    /// "a hundred" is "one hundred", and no "and" stands after it before another number.
    private static func hundreds(_ words: [String]) -> [String] {
        var result: [String] = []
        for (i, word) in words.enumerated() {
            let next = i + 1 < words.count ? words[i + 1] : ""
            if word == "a", NumberWords.scales.contains(next) {
                result.append("one")
            } else if word == "and", let last = result.last, NumberWords.scales.contains(last),
                NumberWords.all.contains(next)
            {
                continue
            } else {
                result.append(word)
            }
        }
        return result
    }
}
