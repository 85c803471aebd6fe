import Foundation

/// An inline SVG line chart. Colours, line styles and fonts are the page's (`Style.swift`); this is geometry alone.
struct LineChart {
    let chart: ReportContent.Chart
    let bands: [ReportContent.Band]

    // Drawn near the size it is shown at, so that the type keeps its size from a telephone to a wide screen.
    private static let width = 400.0
    private static let height = 250.0
    private static let left = 54.0
    private static let right = 390.0
    private static let top = 24.0
    private static let bottom = 212.0

    /// Series of more points are lines alone.
    private static let markedPoints = 60

    private let xRange: ClosedRange<Double>
    private let yTicks: [Double]
    private let yDigits: Int

    init(_ chart: ReportContent.Chart, bands: [ReportContent.Band] = []) {
        self.chart = chart
        self.bands = chart.showsBands ? bands : []
        let points = chart.series.flatMap(\.points)
        let layers = points.map { Double($0.layer) }
        let first = layers.min() ?? 0
        let last = layers.max() ?? 1
        let margin = max((last - first) / 60, 0.5)
        xRange = (first - margin)...(last + margin)
        switch chart.scale {
        case .share:
            yTicks = [0, 0.25, 0.5, 0.75, 1]
            yDigits = 0
        case .plain:
            let values = points.flatMap { [$0.value, $0.low, $0.high, $0.chance, $0.control].compactMap { $0 } }
                .filter(\.isFinite)
            (yTicks, yDigits) = Self.ticks(from: values.min() ?? 0, to: values.max() ?? 1)
        }
    }

    /// The picture; what a reader who cannot see it needs stands in the table beside it.
    func svg() -> String {
        var parts = [
            "<svg viewBox=\"0 0 \(Self.coordinate(Self.width)) \(Self.coordinate(Self.height))\" role=\"img\" "
                + "aria-label=\"\(HTML.escape(chart.title))\">"
        ]
        parts += bandShapes()
        parts += axes()
        for (index, series) in chart.series.enumerated() { parts += lines(series, series.colour ?? index) }
        // Above all lines, so that no line hides another's tooltip.
        for series in chart.series { parts += tooltips(series) }
        parts.append("</svg>")
        return parts.joined(separator: "\n")
    }

    /// The legend's sample of a series: its line and its mark.
    func sample(_ index: Int) -> String {
        let number = chart.series[index].colour ?? index
        let mark = chart.series[index].points.count <= Self.markedPoints ? Self.marker(number, 13, 6) : ""
        return "<svg class=\"swatch \(Style.colour(number))\" viewBox=\"0 0 26 12\" aria-hidden=\"true\">"
            + "<path class=\"line\" d=\"M0 6h26\"/><path class=\"mark\" d=\"\(mark)\"/></svg>"
    }

    // MARK: Parts

    private func bandShapes() -> [String] {
        bands.compactMap { band -> String? in
            let low = max(Double(band.first) - 0.5, xRange.lowerBound)
            let high = min(Double(band.last) + 0.5, xRange.upperBound)
            guard low < high else { return nil }
            let name = "\(band.kind.rawValue), layers \(band.first)\u{2013}\(band.last)"
            let start = Self.coordinate(x(low))
            let width = Self.coordinate(x(high) - x(low))
            guard band.kind == .tuned else {
                return "<rect class=\"band \(band.kind.rawValue)\" x=\"\(start)\" y=\"\(Self.coordinate(Self.top))\" "
                    + "width=\"\(width)\" height=\"\(Self.coordinate(Self.bottom - Self.top))\"><title>\(name)</title></rect>"
            }
            return
                "<rect class=\"tuned\" x=\"\(start)\" y=\"\(Self.coordinate(Self.top - 5))\" width=\"\(width)\" height=\"3\">"
                + "<title>\(name)</title></rect><text class=\"bandname\" x=\"\(start)\" y=\"\(Self.coordinate(Self.top - 9))\">"
                + "tuned \(band.first)\u{2013}\(band.last)</text>"
        }
    }

    private func axes() -> [String] {
        var parts: [String] = []
        for tick in yTicks {
            let height = Self.coordinate(y(tick))
            let label = chart.scale == .share ? HTML.percent(tick, digits: 0) : HTML.number(tick, digits: yDigits)
            parts.append(
                "<line class=\"grid\" x1=\"\(Self.coordinate(Self.left))\" x2=\"\(Self.coordinate(Self.right))\" "
                    + "y1=\"\(height)\" y2=\"\(height)\"/><text class=\"tick y\" x=\"\(Self.coordinate(Self.left - 5))\" "
                    + "y=\"\(Self.coordinate(y(tick) + 3.5))\">\(label)</text>")
        }
        let first = Int(xRange.lowerBound.rounded(.up))
        let last = Int(xRange.upperBound.rounded(.down))
        let step = Self.step(last - first)
        // Every layer has its mark; a training run's thousand steps have not.
        if last - first <= 60 {
            let marks = (first...max(first, last)).map { layer -> String in
                let place = Self.coordinate(x(Double(layer)))
                return "M\(place) \(Self.coordinate(Self.bottom))v\(layer % step == 0 ? 5 : 3)"
            }
            parts.append("<path class=\"axis\" d=\"\(marks.joined())\"/>")
        }
        for layer in stride(from: (first + step - 1) / step * step, through: last, by: step) {
            parts.append(
                "<text class=\"tick x\" x=\"\(Self.coordinate(x(Double(layer))))\" "
                    + "y=\"\(Self.coordinate(Self.bottom + 16))\">\(layer)</text>")
        }
        parts.append(
            "<line class=\"axis\" x1=\"\(Self.coordinate(Self.left))\" x2=\"\(Self.coordinate(Self.right))\" "
                + "y1=\"\(Self.coordinate(Self.bottom))\" y2=\"\(Self.coordinate(Self.bottom))\"/>")
        parts.append(
            "<text class=\"label x\" x=\"\(Self.coordinate((Self.left + Self.right) / 2))\" "
                + "y=\"\(Self.coordinate(Self.height - 5))\">\(HTML.escape(chart.xLabel))</text>")
        parts.append(
            "<text class=\"label y\" transform=\"translate(10 \(Self.coordinate((Self.top + Self.bottom) / 2))) "
                + "rotate(-90)\">\(HTML.escape(chart.yLabel))</text>")
        return parts
    }

    private func lines(_ series: ReportContent.Series, _ index: Int) -> [String] {
        var parts: [String] = []
        let colour = Style.colour(index)
        for run in Self.runs(series.points, where: { $0.low?.isFinite == true && $0.high?.isFinite == true }) {
            let upper = run.map { "\(Self.coordinate(x(Double($0.layer)))),\(Self.coordinate(y($0.high ?? 0)))" }
            let lower = run.reversed().map {
                "\(Self.coordinate(x(Double($0.layer)))),\(Self.coordinate(y($0.low ?? 0)))"
            }
            parts.append("<polygon class=\"interval \(colour)\" points=\"\((upper + lower).joined(separator: " "))\"/>")
        }
        parts.append(path(series, "chance \(colour)") { $0.chance })
        parts.append(path(series, "control \(colour)") { $0.control })
        parts.append(path(series, "line \(colour)") { $0.value })
        if series.points.count <= Self.markedPoints {
            let marks = series.points.filter { $0.value.isFinite }
                .map { Self.marker(index, x(Double($0.layer)), y($0.value)) }
            if !marks.isEmpty { parts.append("<path class=\"mark \(colour)\" d=\"\(marks.joined())\"/>") }
        }
        return parts.filter { !$0.isEmpty }
    }

    private func path(
        _ series: ReportContent.Series, _ style: String, _ value: (ReportContent.Point) -> Double?
    ) -> String {
        let strokes = Self.runs(series.points, where: { value($0)?.isFinite == true }).map { run in
            "M"
                + run.map { "\(Self.coordinate(x(Double($0.layer)))) \(Self.coordinate(y(value($0) ?? 0)))" }
                .joined(separator: "L")
        }
        return strokes.isEmpty ? "" : "<path class=\"\(style)\" d=\"\(strokes.joined())\"/>"
    }

    private func tooltips(_ series: ReportContent.Series) -> [String] {
        series.points.filter { $0.value.isFinite }.map { point in
            var text = "\(series.name), \(chart.xLabel) \(point.layer): \(show(point.value))"
            if let low = point.low, let high = point.high { text += " [\(show(low)), \(show(high))]" }
            if let chance = point.chance { text += ", chance \(show(chance))" }
            if let control = point.control { text += ", shuffled labels \(show(control))" }
            return "<circle class=\"hit\" cx=\"\(Self.coordinate(x(Double(point.layer))))\" "
                + "cy=\"\(Self.coordinate(y(point.value)))\" r=\"6\"><title>\(HTML.escape(text))</title></circle>"
        }
    }

    /// A value as tooltips and tables show it.
    func show(_ value: Double?) -> String {
        guard let value else { return "\u{2013}" }
        return chart.scale == .share ? HTML.percent(value) : HTML.number(value, digits: max(yDigits + 1, 3))
    }

    // MARK: Geometry

    private func x(_ layer: Double) -> Double {
        Self.left + (layer - xRange.lowerBound) / (xRange.upperBound - xRange.lowerBound) * (Self.right - Self.left)
    }

    private func y(_ value: Double) -> Double {
        guard let low = yTicks.first, let high = yTicks.last, high > low else { return Self.bottom }
        let share = min(max((value - low) / (high - low), 0), 1)
        return Self.bottom - share * (Self.bottom - Self.top)
    }

    private static func coordinate(_ value: Double) -> String { HTML.coordinate(value) }

    /// Stretches of consecutive points that have what is asked: a gap in the data is a gap in the line.
    private static func runs(
        _ points: [ReportContent.Point], where has: (ReportContent.Point) -> Bool
    ) -> [[ReportContent.Point]] {
        points.split(whereSeparator: { !has($0) }).map(Array.init)
    }

    /// Shapes tell the series apart where colours do not.
    private static func marker(_ index: Int, _ x: Double, _ y: Double) -> String {
        let (x0, y0) = (coordinate(x), coordinate(y))
        return switch index % 4 {
        case 0: "M\(coordinate(x - 2.2)) \(y0)a2.2 2.2 0 1 0 4.4 0a2.2 2.2 0 1 0 -4.4 0z"
        case 1: "M\(coordinate(x - 2.2)) \(coordinate(y - 2.2))h4.4v4.4h-4.4z"
        case 2: "M\(x0) \(coordinate(y - 2.9))l2.8 4.9h-5.6z"
        default: "M\(x0) \(coordinate(y - 3.2))l3.2 3.2l-3.2 3.2l-3.2 -3.2z"
        }
    }

    /// 1, 2 or 5 times a power of ten, for at most nine labels.
    private static func step(_ span: Int) -> Int {
        var unit = 1
        while unit < 1_000_000_000 {
            for factor in [1, 2, 5] where span / (unit * factor) <= 8 { return unit * factor }
            unit *= 10
        }
        return unit
    }

    /// Round numbers that enclose the values, with the digits that tell them apart.
    private static func ticks(from low: Double, to high: Double) -> (values: [Double], digits: Int) {
        let span = max(high - low, max(abs(high), abs(low)) * 1e-3, 1e-9)
        let power = pow(10, floor(log10(span / 4)))
        let step = [1, 2, 2.5, 5, 10].map { $0 * power }.first { span / $0 <= 5 } ?? 10 * power
        let first = floor(low / step + 1e-9)
        let last = max(ceil(high / step - 1e-9), first + 1)
        guard first.isFinite, last.isFinite, last - first < 20 else { return ([low, low + span], 2) }
        let values = stride(from: first, through: last, by: 1).map { $0 * step }
        let digits = (0...6).first { digits in
            values.allSatisfy {
                abs($0 - ($0 * pow(10, Double(digits))).rounded() / pow(10, Double(digits))) < step * 1e-3
            }
        }
        return (values, digits ?? 6)
    }
}
