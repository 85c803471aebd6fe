import AudioLanguageModels
import Corpora
import Evaluation
import FineTuning
import Foundation
import LayerAnalysis
import Reports

/// The report: what `reproduce` found, as a page.
extension Reproduce {
    func curve(_ name: String, _ metrics: [StepMetrics]) -> ReportContent.TrainingCurve {
        ReportContent.TrainingCurve(
            setting: name,
            steps: metrics.map { m in
                var parts = ["sft": Double(m.sft), "total": Double(m.loss)]
                if m.category > 0 || m.attribute > 0 {
                    parts["category"] = Double(m.category)
                    parts["attribute"] = Double(m.attribute)
                }
                return .init(step: m.step, losses: parts)
            })
    }

    func content(
        _ source: FeatureSource, _ report: LayersReport, _ range: ClosedRange<Int>, _ summary: Summary,
        _ awareness: [String: EvaluationResult], _ safety: [String: SafetyFigures],
        _ training: [ReportContent.TrainingCurve], _ settings: [(name: String, config: FineTuneConfig?)]
    ) throws -> ReportContent {
        let synthetic =
            corpus == nil
            ? "synthetic speech; emotion by prosody rules, which hardly carries over to real emotion"
            : "corpus \(source.corpus.folder.lastPathComponent)"
        var content = ReportContent(
            title: "Paralinguistic awareness of \(source.model.name)",
            lead:
                "Five layer-wise analyses and selective fine-tuning of layers \(range.lowerBound)-\(range.upperBound) (\(synthetic))."
        )
        content.facts = [
            .init("Model", source.model.name), .init("Clips", "\(source.corpus.utterances.count)"),
            .init("Tuned layers", "\(range.lowerBound)-\(range.upperBound) of \(report.layers)"),
            .init("Seed", "\(seed)"),
        ]
        content.add(report)
        content.training = training
        content.summary = summary
        content.safety = safety
        content.judge = awareness["vanilla"]?.judge
        content.tables.append(
            .init(
                title: "Perplexity of plain text",
                note: "A first check of general ability: the corpus' generic answers, read as text.",
                header: ["setting", "perplexity", "tokens"],
                rows: settings.compactMap { s in
                    guard let p = awareness[s.name]?.perplexity, let value = p.value else { return nil }
                    return [ReportContent.defaultNames[s.name] ?? s.name, String(format: "%.2f", value), "\(p.tokens)"]
                }))
        content.tables.append(differences(awareness))
        content.tables.append(preferences(awareness))
        content.examples = examples(source, awareness)
        let configs = settings.compactMap { s in s.config.map { (s.name, $0) } }
        content.configuration = try configs.map { "# \($0)\n" + (try $1.yaml()) }.joined(separator: "\n")
        return content
    }

    private func differences(_ awareness: [String: EvaluationResult]) -> ReportContent.Table {
        let vanilla = awareness["vanilla"]?.clips.map(ScoredClip.init) ?? []
        return .init(
            title: "What tuning changes",
            note: "PA-score less vanilla's on the same clips; texts drawn together.",
            header: ["setting", "category", "clips", "difference", "95 %"],
            rows: Summary.order.filter { $0 != "vanilla" }.flatMap { name in
                Category.allCases.compactMap { category in
                    guard let own = awareness[name]?.clips.map(ScoredClip.init),
                        let found = PAMetrics.difference(own, minus: vanilla, category: category.rawValue)
                    else { return nil }
                    return [
                        ReportContent.defaultNames[name] ?? name, category.rawValue, "\(found.n)",
                        String(format: "%+.2f", found.mean),
                        String(format: "%+.2f to %+.2f", found.interval.low, found.interval.high),
                    ]
                }
            })
    }

    private func preferences(_ awareness: [String: EvaluationResult]) -> ReportContent.Table {
        .init(
            title: "Which reference the voice makes likelier",
            note:
                "Share of texts whose two references are ordered by the two voices as they should be, without generation or judge; chance is 50 %.",
            header: ["setting", "category", "texts", "ordered rightly", "95 %", "loss a token"],
            rows: Summary.order.flatMap { name in
                (awareness[name]?.preferences ?? [:]).sorted { $0.key < $1.key }.map { category, found in
                    [
                        ReportContent.defaultNames[name] ?? name, category, "\(found.ordered.n)",
                        String(format: "%.1f %%", found.ordered.mean * 100),
                        String(
                            format: "%.1f to %.1f", found.ordered.interval.low * 100, found.ordered.interval.high * 100),
                        String(format: "%.3f", found.loss),
                    ]
                }
            })
    }

    /// The first test texts of each category, every setting's answers beside each other.
    private func examples(_ source: FeatureSource, _ awareness: [String: EvaluationResult]) -> [ReportContent.Example] {
        let byID = Dictionary(source.corpus.utterances.map { ($0.id, $0) }, uniquingKeysWith: { a, _ in a })
        guard let vanilla = awareness["vanilla"] else { return [] }
        var shown: [ReportContent.Example] = []
        for category in Category.allCases {
            let texts = vanilla.clips.filter { $0.category == category.rawValue }.map(\.text)
            var first: [String] = []
            for text in texts where !first.contains(text) && first.count < 2 { first.append(text) }
            for clip in vanilla.clips where first.contains(clip.text) && clip.category == category.rawValue {
                guard let utterance = byID[clip.id] else { continue }
                let answers = Summary.order.compactMap { name -> ReportContent.Example.Answer? in
                    guard let own = awareness[name]?.clips.first(where: { $0.id == clip.id }) else { return nil }
                    return .init(setting: name, response: own.response, r: own.r, reflects: own.reflects)
                }
                shown.append(
                    .init(
                        text: clip.text, category: clip.category, attribute: clip.attribute,
                        audio: try? Data(contentsOf: source.corpus.url(of: utterance)), answers: answers,
                        reference: utterance.response))
            }
        }
        return shown
    }
}
