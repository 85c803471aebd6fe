import Foundation

extension HTMLReport {
    /// The layer-wise curves, a key to read them by, and the votes.
    static func layers(_ content: ReportContent) -> String {
        guard !content.charts.isEmpty || !content.votes.isEmpty else { return "" }
        var parts: [String] = []
        if !content.charts.isEmpty { parts.append(key(content)) }
        if !content.charts.isEmpty {
            parts.append(
                "<div class=\"charts\">\n" + content.charts.map { figure($0, bands: content.bands) }.joined()
                    + "</div>\n")
        }
        if !content.votes.isEmpty {
            parts.append("<h3>The layer choice, vote by vote</h3>\n")
            parts.append(
                HTML.table(
                    header: ["Question", "Analysis", "Layer", "Why"],
                    rows: content.votes.map { [$0.question, $0.analysis, $0.layer, $0.reason].map(HTML.escape) },
                    style: "votes"))
        }
        return parts.joined()
    }

    private static func key(_ content: ReportContent) -> String {
        let points = content.charts.flatMap(\.series).flatMap(\.points)
        var items: [String] = []
        if points.contains(where: { $0.low != nil }) {
            items.append("<span><i class=\"swatch interval\"></i>95\u{202F}% interval</span>")
        }
        if points.contains(where: { $0.chance != nil }) {
            items.append("<span><i class=\"swatch chance\"></i>chance</span>")
        }
        if points.contains(where: { $0.control != nil }) {
            items.append("<span><i class=\"swatch control\"></i>shuffled labels</span>")
        }
        for band in content.bands {
            let count = "\(band.first)\u{2013}\(band.last)"
            items.append(
                "<span><i class=\"swatch \(band.kind == .tuned ? "tuned" : "band " + band.kind.rawValue)\"></i>"
                    + "\(band.kind.rawValue) \(count)</span>")
        }
        return "<p class=\"key\">\(items.joined(separator: "\n"))</p>\n"
    }

    /// A chart for each part of the loss, the settings side by side in it.
    static func training(_ content: ReportContent) -> String {
        let parts = Set(content.training.flatMap { $0.steps.flatMap(\.losses.keys) })
        let order = ["total", "loss", "sft", "category", "attribute"]
        let charts = (order.filter(parts.contains) + parts.subtracting(order).sorted()).map {
            part -> ReportContent.Chart in
            var binned = 1
            let series = content.training.compactMap { curve -> ReportContent.Series? in
                let values = curve.steps.compactMap { step in step.losses[part].map { (step.step, $0) } }
                guard !values.isEmpty else { return nil }
                let (points, size) = thinned(values)
                binned = max(binned, size)
                return ReportContent.Series(
                    name: content.name(of: curve.setting), points: points, colour: content.colour(of: curve.setting))
            }
            let title = part == "sft" ? "SFT" : part.prefix(1).uppercased() + part.dropFirst()
            return ReportContent.Chart(
                title: "Loss: \(title)",
                note: binned > 1
                    ? "Each point is the mean of \(binned) recorded steps, shown at the last of them."
                    : "Each point is one recorded step.",
                scale: .plain, yLabel: "loss", xLabel: "step", series: series, showsBands: false)
        }
        guard !charts.isEmpty else { return "" }
        return "<div class=\"charts\">\n" + charts.map { figure($0, bands: []) }.joined() + "</div>\n"
    }

    /// At most 120 points: the mean of each stretch of steps, so that a long run stays a small page.
    private static func thinned(_ values: [(step: Int, value: Double)]) -> ([ReportContent.Point], Int) {
        let size = (values.count + 119) / 120
        let points = stride(from: 0, to: values.count, by: size).map { start -> ReportContent.Point in
            let bin = values[start..<min(start + size, values.count)]
            return ReportContent.Point(
                layer: bin.last?.step ?? 0, value: bin.map(\.value).reduce(0, +) / Double(bin.count))
        }
        return (points, size)
    }

    /// A chart, its legend, its note, and its data.
    static func figure(_ chart: ReportContent.Chart, bands: [ReportContent.Band]) -> String {
        let drawing = LineChart(chart, bands: bands)
        var parts = ["<figure class=\"chart\">\n<figcaption><h3>\(HTML.escape(chart.title))</h3>\n"]
        if chart.series.count > 1 || chart.series.first?.colour != nil {
            let names = chart.series.enumerated().map { index, series in
                "<span>\(drawing.sample(index))\(HTML.escape(series.name))</span>"
            }
            parts.append("<p class=\"key\">\(names.joined(separator: "\n"))</p>\n")
        }
        parts.append("</figcaption>\n\(drawing.svg())\n")
        if !chart.note.isEmpty { parts.append("<p class=\"note\">\(HTML.escape(chart.note))</p>\n") }
        parts.append("<details><summary>Data</summary>\n\(data(chart, drawing))</details>\n</figure>\n")
        return parts.joined()
    }

    /// Columns that no point fills are left out.
    private static func data(_ chart: ReportContent.Chart, _ drawing: LineChart) -> String {
        let points = chart.series.flatMap(\.points)
        let hasInterval = points.contains { $0.low != nil && $0.high != nil }
        let hasChance = points.contains { $0.chance != nil }
        let hasControl = points.contains { $0.control != nil }
        let isNamed = chart.series.count > 1
        var header = [HTML.escape(chart.xLabel)]
        if isNamed { header.append("Series") }
        header.append(HTML.escape(chart.yLabel))
        if hasInterval { header.append("95\u{202F}% interval") }
        if hasChance { header.append("Chance") }
        if hasControl { header.append("Shuffled") }
        let rows = chart.series.flatMap { series in
            series.points.map { point -> [String] in
                var row = ["\(point.layer)"]
                if isNamed { row.append(HTML.escape(series.name)) }
                row.append(drawing.show(point.value))
                if hasInterval {
                    row.append(
                        point.low == nil ? "\u{2013}" : "[\(drawing.show(point.low)), \(drawing.show(point.high))]")
                }
                if hasChance { row.append(drawing.show(point.chance)) }
                if hasControl { row.append(drawing.show(point.control)) }
                return row
            }
        }
        return HTML.table(header: header, rows: rows, style: "data")
    }
}
