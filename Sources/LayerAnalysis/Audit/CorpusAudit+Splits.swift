import Corpora

extension CorpusAudit {
    /// Texts, speakers and the engines' own voices that stand in two splits; training texts that nearly are held-out ones.
    /// Problems where engines spoke the corpus, since others can be chosen; of recordings, warnings.
    static func splits(_ utterances: [Utterance]) -> [AuditFinding] {
        let clips = utterances.filter { $0.category != nil }
        guard Set(clips.map(\.split)).count > 1 else {
            return [
                AuditFinding(
                    check: .splits, subject: "texts and voices", verdict: .notTested,
                    statement: "clips with a category stand in one split only")
            ]
        }
        let isSpoken = clips.allSatisfy { !["human", "unknown"].contains($0.engine) }
        let severe = isSpoken ? AuditVerdict.problem : .warning

        func shared(_ subject: String, _ verdict: AuditVerdict, _ advice: String, _ name: (Utterance) -> String?)
            -> AuditFinding?
        {
            var places: [String: Set<Split>] = [:]
            for clip in clips {
                guard let name = name(clip) else { continue }
                places[name, default: []].insert(clip.split)
            }
            guard !places.isEmpty else { return nil }
            let both = places.filter { $0.value.count > 1 }.map { name, splits in
                "\(name): \(splits.map(\.rawValue).sorted().joined(separator: ", "))"
            }.sorted()
            return AuditFinding(
                check: .splits, subject: subject, verdict: both.isEmpty ? .passed : verdict,
                statement: both.isEmpty ? "each stands in one split" : "in several splits: \(advice)",
                figures: [AuditFigure("in several splits", Double(both.count), n: places.count)], listed: both)
        }

        let heldOut = Set(clips.filter { $0.split != .train }.map(\.text))
        let near = NearTexts(heldOut)
        let training = Set(clips.filter { $0.split == .train }.map(\.text))
        let repeated = training.filter { !heldOut.contains($0) && near.hasNear($0) }.sorted()
        return [
            shared("texts", severe, "the answer is known before it is asked for", { $0.textGroup }),
            AuditFinding(
                check: .splits, subject: "nearly equal texts", verdict: repeated.isEmpty ? .passed : .warning,
                statement: repeated.isEmpty
                    ? "no training text nearly is a held-out one" : "training texts that nearly are held-out ones",
                figures: [AuditFigure("near", Double(repeated.count), n: training.count)], listed: repeated),
            shared("speakers", severe, "results are not on unheard voices", { $0.speaker }),
            shared(
                "engines' own voices", .warning, "their moved voices are speakers of their own, their sound is alike",
                { $0.voice?["base"] }),
        ].compactMap { $0 }
    }
}
