import MLX

extension CorpusPlan {
    /// Plain speech for training a projector: sentences of the alignment grammar, the training texts with their responses,
    /// and sequences of words without sense, each in a drawn voice that is a neutral adult (half), a child or emotional (a
    /// quarter each). No text of another split. Every 25th text is held out for validation; half of those are
    /// spoken by a training voice, half by an unheard one.
    mutating func addAlignment(_ texts: CorpusTexts) throws {
        let heldOut = texts.heldOut
        let grammar: AlignmentGrammar
        do {
            grammar = try AlignmentGrammar.loadBundled()
        } catch {
            throw CorpusError("texts/alignment.json: \(error)")
        }
        for (what, count) in [
            ("sentences", options.alignmentSentences), ("sequences", options.alignmentSequences),
        ] where !(0...1_000_000).contains(count) {
            throw CorpusError("alignment \(what): expected 0 to 1000000, found \(count)")
        }
        var sentences = grammar.sentences(
            count: options.alignmentSentences, seed: options.seed, excluding: heldOut)
        var seen = Set(sentences.map(AlignmentGrammar.normalized))
        seen.formUnion(heldOut.map(AlignmentGrammar.normalized))
        let queries: [CorpusTexts.Query] = Category.allCases.flatMap { texts.queries[$0] ?? [] }
        var written: [String] = queries.filter { $0.split == .train }.flatMap { query in
            [query.text] + query.responses.sorted { $0.key < $1.key }.map(\.value) + (query.generic.map { [$0] } ?? [])
        }
        written += texts.commands.filter { $0.split == .train }.map(\.text)
        written += wordSequences()
        for text in written where seen.insert(AlignmentGrammar.normalized(text)).inserted { sentences.append(text) }
        for (index, text) in sentences.enumerated() {
            let digits = String(index)
            let id = "align-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
            var generator = SeededGenerator(seed: options.seed, name: "kind-" + id)
            let isHeldOut = index % 25 == 0, hasUnheardVoice = index % 50 == 0
            let voice = try voice(
                at: generator.index(below: 9_240), split: hasUnheardVoice ? .validation : .train)
            let kind = generator.uniform()
            let emotion = Category.emotion.attributes[generator.index(below: Category.emotion.attributes.count)]
            items.append(
                item(
                    id, text, voice, split: isHeldOut ? .validation : .train, child: kind >= 0.5 && kind < 0.75,
                    emotion: kind >= 0.75 ? emotion : nil))
        }
    }

    /// Six to ten words each, half of them of the most frequent quarter.
    private func wordSequences() -> [String] {
        let words = Array(options.alignmentWords.prefix(12_000)), frequent = max(1, words.count / 4)
        guard !words.isEmpty else { return [] }
        var generator = SeededGenerator(seed: options.seed, name: "word sequences")
        return (0..<options.alignmentSequences).map { _ in
            (0..<6 + generator.index(below: 5)).map { _ in
                words[generator.index(below: generator.uniform() < 0.5 ? frequent : words.count)]
            }.joined(separator: " ") + "."
        }
    }
}
