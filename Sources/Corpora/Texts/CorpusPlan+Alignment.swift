import MLX

extension CorpusPlan {
    /// Plain speech for training a projector: sentences of the alignment grammar and the training texts, each in a
    /// drawn voice that is a neutral adult (half), a child or emotional (a quarter each). No text of another split.
    mutating func addAlignment(_ texts: CorpusTexts) throws {
        let heldOut = texts.heldOut
        let grammar: AlignmentGrammar
        do {
            grammar = try AlignmentGrammar.loadBundled()
        } catch {
            throw CorpusError("texts/alignment.json: \(error)")
        }
        guard options.alignmentSentences >= 0 else {
            throw CorpusError("alignment sentences: expected 0 or more, found \(options.alignmentSentences)")
        }
        var sentences = grammar.sentences(
            count: options.alignmentSentences, seed: options.seed, excluding: heldOut)
        var seen = Set(sentences.map(AlignmentGrammar.normalized))
        seen.formUnion(heldOut.map(AlignmentGrammar.normalized))
        let queries: [CorpusTexts.Query] = Category.allCases.flatMap { texts.queries[$0] ?? [] }
        var written: [String] = queries.filter { $0.split == .train }.map(\.text)
        written += texts.commands.filter { $0.split == .train }.map(\.text)
        for text in written where seen.insert(AlignmentGrammar.normalized(text)).inserted { sentences.append(text) }
        for (index, text) in sentences.enumerated() {
            let digits = String(index)
            let id = "align-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
            var generator = SeededGenerator(seed: options.seed, name: "kind-" + id)
            let voice = try voice(at: generator.index(below: 9_240), split: .train)
            let kind = generator.uniform()
            let emotion = Category.emotion.attributes[generator.index(below: Category.emotion.attributes.count)]
            items.append(
                item(
                    id, text, voice, split: .train, child: kind >= 0.5 && kind < 0.75,
                    emotion: kind >= 0.75 ? emotion : nil))
        }
    }
}
