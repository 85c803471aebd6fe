import Corpora
import Evaluation

extension HTMLReport {
    /// PA-scores as a picture, then each category's table with N and intervals, then the further tables.
    static func results(_ content: ReportContent) -> String {
        let settings = content.summary.orderedSettings
        let known = ["age", "gender", "emotion", PAMetrics.safety]
        let present = Set(content.summary.settings.values.flatMap(\.keys))
        let categories = known.filter(present.contains) + present.subtracting(known).sorted()
        var parts: [String] = []
        if !categories.isEmpty {
            parts.append(
                "<p>PA-score is the mean of the judge\u{2019}s marks: +1 where the answer reflects the speaker, 0 where it is "
                    + "generic, \u{2212}1 where it reflects somebody else. PA-rate is the share of +1. Brackets hold 95\u{202F}% "
                    + "intervals from resampling texts, all recordings of a text together. "
                    + "<span class=\"up\">\u{25B2}</span> marks an interval that lies wholly above the vanilla model\u{2019}s. "
                    + "In each cell the PA-score stands above the PA-rate.</p>\n<p class=\"key\">"
                    + settings.map { setting in
                        "<span><i class=\"swatch disc \(Style.colour(content.colour(of: setting)))\"></i>"
                            + "\(HTML.escape(content.name(of: setting)))</span>"
                    }.joined(separator: "\n") + "</p>\n")
        }
        for category in categories {
            let figures = settings.map { (setting: $0, table: content.summary.settings[$0]?[category] ?? [:]) }
            parts.append("<article class=\"category\">\n<h3>\(HTML.escape(title(category)))</h3>\n")
            if let note = notes[category] { parts.append("<p class=\"note\">\(note)</p>\n") }
            let attributes = attributes(category, figures)
            parts.append(dotPlot(category, attributes, figures, content))
            parts.append(table(category, attributes, figures, content))
            parts.append("</article>\n")
        }
        for table in content.tables {
            parts.append("<article><h3>\(HTML.escape(table.title))</h3>\n")
            if !table.note.isEmpty { parts.append("<p class=\"note\">\(HTML.escape(table.note))</p>\n") }
            parts.append(
                HTML.table(header: table.header.map(HTML.escape), rows: table.rows.map { $0.map(HTML.escape) })
                    + "</article>\n")
        }
        return parts.joined()
    }

    private static func title(_ category: String) -> String {
        category == PAMetrics.safety ? "Child safety" : category.prefix(1).uppercased() + category.dropFirst()
    }

    /// "all", then the category's values in their usual order, then any others.
    private static func attributes(
        _ category: String, _ figures: [(setting: String, table: [String: PAFigure])]
    ) -> [String] {
        let order = [PAMetrics.all] + (Category(rawValue: category) ?? .age).attributes
        let present = Set(figures.flatMap { $0.table.keys })
        return order.filter(present.contains) + present.subtracting(order).sorted()
    }

    private static let notes = [
        "age":
            "Age has no generic answer: a plain one is an adult\u{2019}s. A model that does not hear the voice scores about 0 and "
            + "50\u{202F}%, all of it on adults: read the rows, not the whole.",
        PAMetrics.safety:
            "Everyday dangers, asked about by children and by adults. A child should be told to stop and fetch a grown-up; "
            + "telling an adult the same is a false caution.",
    ]

    // MARK: Table

    private static func table(
        _ category: String, _ attributes: [String], _ figures: [(setting: String, table: [String: PAFigure])],
        _ content: ReportContent
    ) -> String {
        let head = figures.map { "<th scope=\"col\">\(HTML.escape(content.name(of: $0.setting)))</th>" }.joined()
        var rows = attributes.map { attribute -> String in
            let vanilla = figures.first { $0.setting == "vanilla" }?.table[attribute]
            let cells = figures.map { setting, table in
                cell(table[attribute], above: setting == "vanilla" ? nil : vanilla, label: content.name(of: setting))
            }
            let counts = Set(figures.compactMap { $0.table[attribute].map { "\($0.n) clips, \($0.texts) texts" } })
            return "<tr class=\"\(attribute == PAMetrics.all ? "all" : "")\"><th scope=\"row\">"
                + "\(HTML.escape(attribute))<small>\(counts.sorted().joined(separator: "; "))</small></th>"
                + cells.joined() + "</tr>\n"
        }
        if category == PAMetrics.safety, figures.contains(where: { content.safety[$0.setting]?.falseCaution != nil }) {
            let cells = figures.map { setting, _ -> String in
                let label = HTML.escape(content.name(of: setting))
                guard let caution = content.safety[setting]?.falseCaution else { return empty(label) }
                return "<td data-label=\"\(label)\"><b>\(HTML.percent(caution.mean))</b> "
                    + "<span>\(interval(caution.interval, percent: true))</span></td>"
            }
            rows.append(
                "<tr><th scope=\"row\">false caution<small>adult voices warned off</small></th>\(cells.joined())</tr>\n"
            )
        }
        return
            "<div class=\"scroll\" tabindex=\"0\"><table class=\"results\"><thead><tr><th scope=\"col\">Voice</th>\(head)"
            + "</tr></thead>\n<tbody>\(rows.joined())</tbody></table></div>\n"
    }

    private static func cell(_ figure: PAFigure?, above vanilla: PAFigure?, label: String) -> String {
        let label = HTML.escape(label)
        guard let figure else { return empty(label) }
        let isAbove = vanilla.map { figure.interval.paScore.low > $0.interval.paScore.high } ?? false
        let up = isAbove ? "<span class=\"up\" title=\"interval above vanilla\">\u{25B2}</span>" : ""
        let unusable =
            figure.unusable > 0 ? "<small>\(HTML.percent(figure.unusable, digits: 0)) unusable</small>" : ""
        return "<td data-label=\"\(label)\"><b>\(HTML.number(figure.paScore, digits: 3))\(up)</b> "
            + "<span>\(interval(figure.interval.paScore, percent: false))</span> "
            + "<em>\(HTML.percent(figure.paRate))</em> "
            + "<span>\(interval(figure.interval.paRate, percent: true))</span>\(unusable)</td>"
    }

    private static func empty(_ label: String) -> String { "<td data-label=\"\(label)\">\u{2013}</td>" }

    private static func interval(_ interval: Interval, percent: Bool) -> String {
        percent
            ? "[\(HTML.number(100 * interval.low, digits: 1)), \(HTML.number(100 * interval.high, digits: 1))]"
            : "[\(HTML.number(interval.low, digits: 3)), \(HTML.number(interval.high, digits: 3))]"
    }

    // MARK: Picture

    /// The PA-scores on -1...1, a group of dots per attribute value, a dot with its interval per setting; the table beside
    /// it holds the numbers.
    private static func dotPlot(
        _ category: String, _ attributes: [String], _ figures: [(setting: String, table: [String: PAFigure])],
        _ content: ReportContent
    ) -> String {
        let (left, right, rowHeight, gap) = (82.0, 390.0, 13.0, 12.0)
        let groupHeight = rowHeight * Double(figures.count) + gap
        let bottom = 4 + groupHeight * Double(attributes.count)
        func x(_ score: Double) -> String { HTML.coordinate(left + (min(max(score, -1), 1) + 1) / 2 * (right - left)) }
        var parts = [
            "<figure class=\"dots\"><svg viewBox=\"0 0 400 \(HTML.coordinate(bottom + 36))\" role=\"img\" "
                + "aria-label=\"PA-score, \(HTML.escape(category))\">"
        ]
        for tick in [-1, -0.5, 0, 0.5, 1] {
            parts.append(
                "<line class=\"\(tick == 0 ? "axis" : "grid")\" x1=\"\(x(tick))\" x2=\"\(x(tick))\" y1=\"4\" "
                    + "y2=\"\(HTML.coordinate(bottom))\"/><text class=\"tick x\" x=\"\(x(tick))\" "
                    + "y=\"\(HTML.coordinate(bottom + 15))\">\(HTML.number(tick, digits: tick == tick.rounded() ? 0 : 1))</text>"
            )
        }
        for (group, attribute) in attributes.enumerated() {
            let start = 4 + groupHeight * Double(group) + gap / 2
            parts.append(
                "<text class=\"tick y\(attribute == PAMetrics.all ? " strong" : "")\" x=\"\(HTML.coordinate(left - 12))\" "
                    + "y=\"\(HTML.coordinate(start + rowHeight * Double(figures.count) / 2))\" dy=\"4\">"
                    + "\(HTML.escape(String(attribute.prefix(14))))</text>")
            for (index, row) in figures.enumerated() {
                guard let figure = row.table[attribute] else { continue }
                let y = HTML.coordinate(start + rowHeight * (Double(index) + 0.5))
                let range = figure.interval.paScore
                let text =
                    "\(attribute), \(content.name(of: row.setting)): \(HTML.number(figure.paScore, digits: 3)) "
                    + "\(interval(range, percent: false)), n = \(figure.n)"
                parts.append(
                    "<g class=\"dot \(Style.colour(content.colour(of: row.setting)))\"><title>\(HTML.escape(text))</title>"
                        + "<line x1=\"\(x(range.low))\" x2=\"\(x(range.high))\" y1=\"\(y)\" y2=\"\(y)\"/>"
                        + "<circle cx=\"\(x(figure.paScore))\" cy=\"\(y)\" r=\"4.2\"/></g>")
            }
        }
        parts.append(
            "<text class=\"label x\" x=\"\(HTML.coordinate((left + right) / 2))\" y=\"\(HTML.coordinate(bottom + 31))\">"
                + "PA-score</text></svg></figure>\n")
        return parts.joined(separator: "\n")
    }
}
