/// How words of data sets become ours.
enum VoiceWords {
    /// `child` to 12 years, `adult` from 18; in between a voice is neither here.
    static func age(years: Int) -> String? { years <= 12 ? "child" : years >= 18 ? "adult" : nil }
}

extension Record {
    /// What `words` has for the field's word; nil for an absent field, and for a word that says nothing here (a nil in
    /// `words`). Any other word is an error.
    func mapped(_ field: String, _ words: [String: String?]) throws -> String? {
        guard let word = try optionalName(field) else { return nil }
        guard let ours = words[word] else {
            throw wrong(field, "one of \(words.keys.sorted().joined(separator: ", ")), or nothing")
        }
        return ours
    }
}

extension Utterance {
    /// A recording of a known emotion: labelled where it is one of the category's values. Neutral and calm stand in
    /// `voice` only; nil is an emotion that has no word here.
    static func emotional(
        id: String, text: String, speaker: String, emotion: String?, split: Split = .train, voice: [String: String]
    ) -> Utterance {
        let isValue = emotion.map(Category.emotion.attributes.contains) ?? false
        return Utterance(
            id: id, audio: "", text: text, category: isValue ? .emotion : nil, attribute: isValue ? emotion : nil,
            speaker: speaker, engine: "human", split: split,
            voice: voice.merging(emotion.map { ["emotion": $0] } ?? [:]) { $1 })
    }
}
