import Corpora
import Evaluation
import Foundation

extension HTMLReport {
    /// Each clip with a player and what every setting answered, side by side.
    static func examples(_ content: ReportContent) -> String {
        content.examples.map { example in
            var parts = [
                "<article class=\"example\">\n<h3>\u{201C}\(HTML.quote(example.text))\u{201D}</h3>\n"
                    + "<p class=\"speaker\"><span class=\"tag\">\(HTML.escape(example.category))</span> spoken by: "
                    + "<b>\(HTML.escape(example.attribute))</b></p>\n"
            ]
            if let audio = example.audio {
                parts.append(
                    "<audio controls preload=\"none\" src=\"data:audio/wav;base64,\(audio.base64EncodedString())\"></audio>\n"
                )
            }
            parts.append("<div class=\"answers\">\n")
            for answer in example.answers {
                parts.append(
                    "<div><h4>\(HTML.escape(content.name(of: answer.setting)))\(mark(answer))</h4>"
                        + "<p>\(HTML.quote(answer.response))</p></div>\n")
            }
            parts.append("</div>\n")
            if let reference = example.reference {
                parts.append("<p class=\"note\">The corpus asks for: \(HTML.quote(reference))</p>\n")
            }
            return parts.joined() + "</article>\n"
        }.joined()
    }

    private static func mark(_ answer: ReportContent.Example.Answer) -> String {
        guard let r = answer.r else { return "" }
        let (style, sign) = r > 0 ? ("plus", "+1") : r < 0 ? ("minus", "\u{2212}1") : ("zero", "0")
        let reflects = answer.reflects.map { " " + HTML.escape($0) } ?? ""
        return " <span class=\"mark \(style)\">\(sign)\(reflects)</span>"
    }

    /// The judge's own accuracy and its confusions.
    static func judge(_ content: ReportContent) -> String {
        guard let judge = content.judge, !judge.categories.isEmpty else { return "" }
        let names = judge.categories.keys.sorted()
        let rows = names.compactMap { name in
            judge.categories[name].map { figures in
                [
                    HTML.escape(name == PAMetrics.safety ? "child safety" : name), "\(figures.texts)",
                    show(figures.references), show(figures.generic), show(figures.halves),
                ]
            }
        }
        let confusions = names.compactMap { name -> String? in
            guard let confusion = judge.categories[name]?.confusion, !confusion.isEmpty else { return nil }
            let said = Set(confusion.values.flatMap(\.keys)).sorted()
            let rows = confusion.sorted { $0.key < $1.key }.map { truth, row in
                [HTML.escape(truth)] + said.map { "\(row[$0] ?? 0)" }
            }
            return "<div><h3>\(HTML.escape(name))</h3>"
                + HTML.table(header: ["written for"] + said.map(HTML.escape), rows: rows, style: "data") + "</div>\n"
        }
        return
            "<p>Measured on texts that the judge did not learn from: whole references by their wording alone, their own "
            + "text\u{2019}s references hidden; the generic answers in the same way; and halves of references, the other halves "
            + "shown.</p>\n"
            + HTML.table(
                header: ["Category", "Texts", "References", "Generic answers", "Half references"], rows: rows,
                style: "data")
            + "<details><summary>Confusion: what it was written for, and what the judge said</summary>\n"
            + "<div class=\"confusions\">\(confusions.joined())</div></details>\n"
    }

    private static func show(_ estimate: Estimate?) -> String {
        guard let estimate else { return "\u{2013}" }
        return "\(HTML.percent(estimate.mean)) <small>[\(HTML.number(100 * estimate.interval.low, digits: 1)), "
            + "\(HTML.number(100 * estimate.interval.high, digits: 1))], N = \(estimate.n)</small>"
    }
}
