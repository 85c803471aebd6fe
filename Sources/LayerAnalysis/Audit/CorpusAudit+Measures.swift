import Corpora

/// Guesses a label from one number: the values that were learnt are cut into eight parts of equal size, each with its
/// commonest label. With two labels it finds a threshold, with several the band of each.
package struct BinnedClassifier {
    private let edges: [Double]
    private let answers: [Int]
    static let bins = 8

    package init(_ values: [Double], labels: [Int]) {
        let sorted = values.sorted()
        let cuts = (1..<Self.bins).compactMap { Statistics.quantile(sorted: sorted, Double($0) / Double(Self.bins)) }
        edges = Array(Set(cuts)).sorted()
        func commonest(_ labels: [Int]) -> Int? {
            let counts = Dictionary(labels.map { ($0, 1) }, uniquingKeysWith: +)
            return counts.max { ($0.value, -$0.key) < ($1.value, -$1.key) }?.key
        }
        let all = commonest(labels) ?? 0
        var members = [[Int]](repeating: [], count: edges.count + 1)
        for (value, label) in zip(values, labels) { members[Self.bin(value, edges)].append(label) }
        answers = members.map { commonest($0) ?? all }
    }

    private static func bin(_ value: Double, _ edges: [Double]) -> Int {
        edges.firstIndex { value < $0 } ?? edges.count
    }

    package func guess(_ value: Double) -> Int { answers[Self.bin(value, edges)] }
}

extension CorpusAudit {
    /// Can one number of a clip tell its value, texts held out? Loudness and pace may be the speaker's own, so that they
    /// are no more than warned of; silence at the ends, noise, rate and clipping are the recording's.
    static func measures(_ clips: [AuditClip], _ options: AuditOptions) throws -> [AuditFinding] {
        var findings: [AuditFinding] = []
        for category in Category.allCases {
            let chosen = clips.filter { $0.utterance.category == category }
            let classes = category.attributes.filter { value in chosen.contains { $0.utterance.attribute == value } }
            let groups = HeldOut.texts.groups(chosen.map(\.utterance))
            guard classes.count > 1, chosen.count >= fewestClips, Set(groups).count >= options.folds else { continue }
            let labels = chosen.map { classes.firstIndex(of: $0.utterance.attribute ?? "") ?? 0 }
            let folds = try GroupedFolds(groups: groups, labels: labels, count: options.folds, seed: options.seed)
            for measure in AuditMeasure.allCases {
                let values = chosen.map { $0.measures[measure] ?? 0 }
                findings.append(
                    told(
                        by: measure, "\(category.rawValue), \(measure.rawValue)", values, labels: labels,
                        classes: classes, groups: groups, folds, options))
            }
        }
        return findings
    }

    private static func told(
        by measure: AuditMeasure, _ subject: String, _ values: [Double], labels: [Int], classes: [String],
        groups: [Int], _ folds: GroupedFolds, _ options: AuditOptions
    ) -> AuditFinding {
        var finding = AuditFinding(
            check: .measure, subject: subject, verdict: .passed, statement: "the same in all clips")
        let means = classes.indices.map { index in
            let own = labels.indices.filter { labels[$0] == index }
            return AuditFigure(
                "\(classes[index]), \(measure.unit)", own.reduce(0) { $0 + values[$1] } / Double(max(1, own.count)),
                n: own.count)
        }
        guard let first = values.first, values.contains(where: { $0 != first }) else {
            finding.figures = means
            return finding
        }
        var right = [Double](repeating: 0, count: labels.count)
        for f in 0..<folds.count {
            let train = folds.train(f)
            let classifier = BinnedClassifier(train.map { values[$0] }, labels: train.map { labels[$0] })
            for index in folds.test(f) where classifier.guess(values[index]) == labels[index] { right[index] = 1 }
        }
        let found = Interval.clustered(
            correct: right, tested: [Double](repeating: 1, count: labels.count), groups: groups)
        let most = Dictionary(labels.map { ($0, 1) }, uniquingKeysWith: +).values.max() ?? 0
        let chance = Double(most) / Double(labels.count)
        finding.figures =
            [
                AuditFigure(
                    "told", found.value, low: found.low, high: found.high, chance: chance, n: labels.count,
                    groups: Set(groups).count, unit: "texts")
            ] + means
        finding.verdict = verdict(low: found.low, chance: chance, options)
        if measure.belongsToVoice, finding.verdict == .problem { finding.verdict = .warning }
        finding.statement =
            switch finding.verdict {
            case .passed: "tells nothing"
            case .problem: "tells the value without the voice being heard"
            default: "tells something of the value by itself"
            }
        return finding
    }
}
