import Corpora
import Foundation

/// How far one label tells another, by counts alone.
package struct Dependence {
    /// Mutual information over the entropy of the label: 0 nothing, 1 all.
    package var share: Double
    /// Accuracy of the best guess from the sign.
    package var accuracy: Double

    package init(of labels: [Int], from signs: [Int]) {
        let n = Double(labels.count)
        var joint: [Int: [Int: Double]] = [:], totals: [Int: Double] = [:]
        for (sign, label) in zip(signs, labels) {
            joint[sign, default: [:]][label, default: 0] += 1
            totals[label, default: 0] += 1
        }
        func entropy(_ counts: some Collection<Double>) -> Double {
            let sum = counts.reduce(0, +)
            return -counts.sorted().reduce(0) { $0 + ($1 > 0 ? $1 / sum * log($1 / sum) : 0) }
        }
        let all = entropy(totals.values)
        let rest = joint.keys.sorted().reduce(0.0) { sum, sign in
            let counts = (joint[sign] ?? [:]).values
            return sum + counts.reduce(0, +) / n * entropy(counts)
        }
        share = all > 0 ? max(0, (all - rest) / all) : 0
        accuracy = joint.values.reduce(0) { $0 + ($1.values.max() ?? 0) } / max(1, n)
    }
}

extension CorpusAudit {
    /// In every split the engine must not tell the category, nor within a category the value.
    static func engines(_ utterances: [Utterance], _ options: AuditOptions) -> [AuditFinding] {
        var findings: [AuditFinding] = []
        for split in Split.allCases {
            let clips = utterances.filter { $0.split == split && $0.category != nil && $0.attribute != nil }
            guard !clips.isEmpty else { continue }
            let subjects: [(String, [Utterance], (Utterance) -> String)] =
                [("category", clips, { $0.category?.rawValue ?? "" })]
                + Category.allCases.map { category in
                    (category.rawValue, clips.filter { $0.category == category }, { $0.attribute ?? "" })
                }
            for (name, chosen, label) in subjects where !chosen.isEmpty {
                findings.append(
                    independence("\(split.rawValue) \(name)", chosen.map(\.engine), chosen.map(label), options))
            }
        }
        return findings
    }

    private static func independence(
        _ subject: String, _ engines: [String], _ values: [String], _ options: AuditOptions
    ) -> AuditFinding {
        let (signs, labels) = (indexed(engines), indexed(values))
        var finding = AuditFinding(
            check: .engines, subject: subject, verdict: .notTested,
            statement: "there is one value only: nothing to tell")
        guard Set(labels).count > 1 else { return finding }
        let found = Dependence(of: labels, from: signs)
        var random = generator(options.seed, "audit engines \(subject)")
        var (shares, accuracies) = ([Double](), [Double]())
        for _ in 0..<options.permutations {
            var shuffled = labels
            random.shuffle(&shuffled)
            let chance = Dependence(of: shuffled, from: signs)
            shares.append(chance.share)
            accuracies.append(chance.accuracy)
        }
        let limit = Statistics.quantile(sorted: shares.sorted(), 0.975) ?? 0
        finding.figures = [
            AuditFigure("information", found.share, chance: Statistics.mean(shares), n: labels.count),
            AuditFigure("best guess", found.accuracy, chance: Statistics.mean(accuracies), n: labels.count),
        ]
        // With few clips any table has some information: it must be more than shuffled labels give.
        let isMore = found.share > limit
        finding.verdict = !isMore ? .passed : found.share <= options.information ? .warning : .problem
        finding.statement =
            isMore
            ? "the engine tells which: have every engine speak every value of every category as often"
            : Set(signs).count == 1 ? "one engine speaks all" : "the engine tells nothing"
        return finding
    }
}
