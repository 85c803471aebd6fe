import Corpora

extension CorpusAudit {
    /// Fewer clips than these say nothing.
    static let fewestClips = 20

    /// Can a probe tell the categories of plain clips (neutral adults), matched by engine and sex, voices held out? Only
    /// what was done to the clips could tell them, or the words: those differ between categories, and of the views the
    /// quiet frames alone are without them.
    static func residue(_ clips: [AuditClip], _ view: AuditView, _ options: AuditOptions) throws -> AuditFinding {
        var finding = AuditFinding(
            check: .residue, subject: view.rawValue, verdict: .notTested,
            statement: "too few plain clips of two categories by the same engines")
        var (chosen, classes) = matched(clips.filter { isPlain($0.utterance) && $0.states[view] != nil }, options)
        guard classes.count > 1, chosen.count >= fewestClips else { return finding }
        chosen.sort { $0.utterance.id < $1.utterance.id }
        let labels = chosen.map { clip in classes.firstIndex { $0 == clip.utterance.category } ?? 0 }
        let utterances = chosen.map(\.utterance), rows = chosen.compactMap { $0.states[view] }
        let names = classes.map(\.rawValue).joined(separator: " / ")
        guard
            let figure = try heldOutVoices(
                "\(names) told", utterances, rows, labels: labels, options
            )
        else { return finding }
        finding.figures = [figure]
        let engines = Array(Set(chosen.map(\.utterance.engine))).sorted()
        let spoken = chosen.map { clip in engines.firstIndex(of: clip.utterance.engine) ?? 0 }
        if engines.count > 1,
            let told = try heldOutVoices(
                "engine told", utterances, rows, labels: spoken, options)
        {
            finding.figures.append(told)
        }
        // What the words alone tell: where a view that hears words tells no more, they may be all that it tells by.
        if view != .quiet,
            let words = try heldOutVoices(
                "\(names) told by the words", utterances, bags(utterances), labels: labels, options)
        {
            finding.figures.append(words)
        }
        let low = figure.low ?? 0, chance = figure.chance ?? 1
        finding.verdict = verdict(low: low, chance: chance, options)
        if view != .quiet, finding.verdict == .problem { finding.verdict = .warning }
        finding.statement =
            switch finding.verdict {
            case .passed: "categories are not told apart in plain clips"
            case .problem: "the category is heard where nobody speaks: give all clips the same processing"
            default:
                view == .quiet
                    ? "categories are told apart a little in plain clips"
                    : "categories are told apart in plain clips, by their words or by the processing"
            }
        return finding
    }

    /// Which words a text has, of those that several have.
    private static func bags(_ utterances: [Utterance]) -> [[Float]] {
        let sets = utterances.map { Set(NearTexts.words($0.text)) }
        let counts = Dictionary(sets.joined().map { ($0, 1) }, uniquingKeysWith: +)
        let vocabulary = counts.filter { $0.value > 1 }.keys.sorted()
        return sets.map { set in vocabulary.map { set.contains($0) ? 1 : 0 } }
    }

    /// A neutral adult, as far as the labels say.
    private static func isPlain(_ utterance: Utterance) -> Bool {
        let voice = utterance.voice ?? [:]
        switch utterance.category {
        case .age where utterance.attribute != "adult": return false
        case .emotion where voice["emotion"] != "neutral": return false
        default: return (voice["age"] ?? "adult") == "adult" && (voice["emotion"] ?? "neutral") == "neutral"
        }
    }

    /// As many clips of each category from every engine, and sex where it is known of all.
    private static func matched(
        _ clips: [AuditClip], _ options: AuditOptions
    ) -> (clips: [AuditClip], classes: [Corpora.Category]) {
        let classes = Category.allCases.filter { category in clips.contains { $0.utterance.category == category } }
        let isKnown = clips.allSatisfy { $0.utterance.value(of: .gender) != nil }
        let cells = Dictionary(grouping: clips) {
            $0.utterance.engine + (isKnown ? " \($0.utterance.value(of: .gender) ?? "")" : "")
        }
        var chosen: [AuditClip] = []
        for (name, members) in cells.sorted(by: { $0.key < $1.key }) {
            let kinds = classes.map { category in members.filter { $0.utterance.category == category } }
            let count = kinds.map(\.count).min() ?? 0
            for (index, kind) in kinds.enumerated() {
                var (order, random) = (kind, generator(options.seed, "audit plain \(name)", index))
                random.shuffle(&order)
                chosen += order.prefix(count)
            }
        }
        return (chosen, classes)
    }

    /// A probe of an attribute, trained without an engine, on that engine; beside it trained with it, voices held out.
    static func engineLeftOut(
        _ clips: [AuditClip], _ category: Corpora.Category, _ view: AuditView, _ options: AuditOptions
    ) throws -> AuditFinding {
        let chosen = clips.filter { $0.utterance.category == category && $0.states[view] != nil }
        let utterances = chosen.map(\.utterance), rows = chosen.compactMap { $0.states[view] }
        let classes = Array(Set(utterances.compactMap(\.attribute))).sorted()
        let engines = Array(Set(utterances.map(\.engine))).sorted()
        var finding = AuditFinding(
            check: .engineLeftOut, subject: "\(category.rawValue), \(view.rawValue)", verdict: .notTested,
            statement: engines.count < 2 ? "one engine speaks all" : "too few clips or voices")
        let groups = HeldOut.speakers.groups(utterances)
        guard classes.count > 1, engines.count > 1, chosen.count >= fewestClips, Set(groups).count > 1 else {
            return finding
        }
        let labels = utterances.map { classes.firstIndex(of: $0.attribute ?? "") ?? 0 }
        // Of guessing the commonest value of all clips: an engine's own may all have one.
        let most = classes.indices.map { c in labels.count { $0 == c } }.max() ?? 0
        let chance = Double(most) / Double(labels.count)
        let probe = Probe(
            classifier: LogisticRegression(c: options.c), controls: options.controls, seed: options.seed)
        let folds = try GroupedFolds(
            groups: groups, labels: labels, count: min(options.folds, Set(groups).count), seed: options.seed)
        var worst = AuditVerdict.passed
        var bound: [String] = []
        for engine in engines {
            let own = utterances.indices.filter { utterances[$0].engine == engine }
            let others = utterances.indices.filter { utterances[$0].engine != engine }
            let within = (0..<folds.count).map { f in
                Probe.Split(train: folds.train(f), test: folds.test(f).filter { utterances[$0].engine == engine })
            }.filter { !$0.test.isEmpty && !$0.train.isEmpty }
            guard own.count >= fewestClips / 2, !others.isEmpty else { continue }
            func accuracy(_ name: String, _ splits: [Probe.Split]) throws -> AuditFigure? {
                let found = try probe.run(
                    layers: 1, labels: labels, groups: groups, classCount: classes.count, splits: splits
                ) { rows[$1] }.first
                return found.map {
                    AuditFigure(
                        "\(engine) \(name)", $0.value, low: $0.low, high: $0.high, chance: chance,
                        control: $0.control,
                        n: own.count, groups: Set(own.map { groups[$0] }).count, unit: "speakers")
                }
            }
            guard let known = try accuracy("known", within),
                let unknown = try accuracy("left out", [Probe.Split(train: others, test: own)])
            else { continue }
            finding.figures += [known, unknown]
            let isLarge = known.value - unknown.value > options.fall && (unknown.high ?? 1) < (known.low ?? 0)
            guard (known.low ?? 0) > chance, isLarge else { continue }
            bound.append(engine)
            // An average spectrum may be too poor a view to carry a value over; guessing wrongly has another reason.
            let isLost = view == .encoder && (unknown.low ?? 0) <= chance
            if isLost || (unknown.high ?? 1) < chance { worst = .problem } else if worst == .passed { worst = .warning }
        }
        guard !finding.figures.isEmpty else { return finding }
        finding.verdict = worst
        finding.listed = bound
        finding.statement =
            switch worst {
            case .problem: "what tells the value on other engines tells nothing on \(bound.joined(separator: ", "))"
            case .warning: "the value is told much worse where the engine is new: \(bound.joined(separator: ", "))"
            default: "the value is told on engines that the probe has not heard about as well"
            }
        return finding
    }

    /// A linear probe with whole speakers held out; nil with fewer than two speakers.
    private static func heldOutVoices(
        _ name: String, _ utterances: [Utterance], _ rows: [[Float]], labels: [Int], _ options: AuditOptions
    ) throws -> AuditFigure? {
        let groups = HeldOut.speakers.groups(utterances)
        let speakers = Set(groups).count
        guard speakers > 1 else { return nil }
        let folds = try GroupedFolds(
            groups: groups, labels: labels, count: min(options.folds, speakers), seed: options.seed)
        let probe = Probe(
            classifier: LogisticRegression(c: options.c), controls: options.controls, seed: options.seed)
        let splits = (0..<folds.count).map { Probe.Split(train: folds.train($0), test: folds.test($0)) }
        let found = try probe.run(
            layers: 1, labels: labels, groups: groups, classCount: (labels.max() ?? 0) + 1, splits: splits
        ) { rows[$1] }.first
        return found.map {
            AuditFigure(
                name, $0.value, low: $0.low, high: $0.high, chance: $0.chance, control: $0.control, n: labels.count,
                groups: speakers, unit: "speakers")
        }
    }
}
