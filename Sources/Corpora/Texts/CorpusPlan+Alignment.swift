import MLX

extension CorpusPlan {
    /// Plain speech for the alignment: the written sentences and the training texts with their responses, each in a drawn voice
    /// that is a neutral adult (half), a child or emotional (a quarter each). No text of another split, nor one that says nearly
    /// the same. Every 25th sentence is held out for validation; half of those are spoken by a training voice, half by an
    /// unheard one.
    mutating func addAlignment(_ texts: CorpusTexts) throws {
        if let count = options.alignmentSentences, !(0...1_000_000).contains(count) {
            throw CorpusError("alignment sentences: expected 0 to 1000000, found \(count)")
        }
        let heldOut = NearTexts(texts.heldOut)
        var seen: Set<[String]> = []
        let fresh = { (text: String) in
            !heldOut.hasNear(text) && seen.insert(NearTexts.words(text)).inserted
        }
        let sentences = Self.evenly(texts.sentences, options.alignmentSentences).filter(fresh)
        let queries = Category.allCases.flatMap { texts.queries[$0] ?? [] }.filter { $0.split == .train }
        var written = queries.flatMap { query in
            [query.text] + query.responses.sorted { $0.key < $1.key }.map(\.value) + (query.generic.map { [$0] } ?? [])
        }
        written += texts.commands.filter { $0.split == .train }.map(\.text)
        written = written.filter(fresh)
        for (kind, texts) in [("sentence", sentences), ("text", written)] {
            for (index, text) in texts.enumerated() {
                let digits = String(index)
                let id = "\(kind)-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
                var generator = SeededGenerator(seed: options.seed, name: "kind-" + id)
                let isHeldOut = kind == "sentence" && index % 25 == 0
                let hasUnheardVoice = isHeldOut && index % 50 == 0
                let voice = try voice(
                    at: generator.index(below: 9_240), split: hasUnheardVoice ? .validation : .train)
                let draw = generator.uniform()
                let emotion = Category.emotion.attributes[generator.index(below: Category.emotion.attributes.count)]
                items.append(
                    item(
                        id, text, voice, split: isHeldOut ? .validation : .train, child: draw >= 0.5 && draw < 0.75,
                        emotion: draw >= 0.75 ? emotion : nil))
            }
        }
    }
}
