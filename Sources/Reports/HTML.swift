import Foundation

/// Text and numbers on their way into the page.
enum HTML {
    /// For text and for attribute values in quotes. Control characters, which HTML forbids, become visible marks.
    static func escape(_ text: String) -> String {
        var escaped = ""
        escaped.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\n", "\t": escaped.unicodeScalars.append(scalar)
            default:
                let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                escaped.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
            }
        }
        return escaped
    }

    /// Words of others: escaped, and kept from turning the direction of what stands around them.
    static func quote(_ text: String) -> String { "<bdi>\(escape(text))</bdi>" }

    /// A true minus sign; a dash for what is not finite.
    static func number(_ value: Double, digits: Int) -> String {
        guard value.isFinite else { return "\u{2013}" }
        let text = String(format: "%.\(digits)f", value)
        // -0.00 is 0.00.
        guard text.hasPrefix("-") else { return text }
        return text.contains(where: { ("1"..."9").contains($0) })
            ? "\u{2212}" + text.dropFirst() : String(text.dropFirst())
    }

    static func percent(_ share: Double, digits: Int = 1) -> String {
        share.isFinite ? number(100 * share, digits: digits) + "\u{202F}%" : "\u{2013}"
    }

    /// A coordinate inside an SVG.
    static func coordinate(_ value: Double) -> String {
        let text = String(format: "%.1f", value.isFinite ? value : 0)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// A table in a box that scrolls sideways when it must. The first column heads its row; all cells are HTML already.
    static func table(header: [String], rows: [[String]], style: String = "") -> String {
        let head = header.map { "<th scope=\"col\">\($0)</th>" }.joined()
        let body = rows.map { row in
            "<tr>"
                + row.enumerated().map {
                    $0.offset == 0 ? "<th scope=\"row\">\($0.element)</th>" : "<td>\($0.element)</td>"
                }
                .joined() + "</tr>\n"
        }.joined()
        return "<div class=\"scroll\" tabindex=\"0\"><table class=\"\(style)\"><thead><tr>\(head)</tr></thead>\n"
            + "<tbody>\(body)</tbody></table></div>\n"
    }
}
