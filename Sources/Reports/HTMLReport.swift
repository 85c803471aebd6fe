import Foundation

/// One self-contained page: no link leaves it, no script runs in it, the same content gives the same bytes.
public enum HTMLReport {
    /// The whole file. Sections without content are left out.
    public static func render(_ content: ReportContent) -> String {
        let sections: [(id: String, title: String, body: String)] = [
            ("results", "Does the model answer its speaker?", results(content)),
            ("layers", "Where the layers hear the speaker", layers(content)),
            ("training", "Training", training(content)),
            ("examples", "The same question, answered", examples(content)),
            ("judge", "How far the judge can be trusted", judge(content)),
            ("configuration", "Configuration", configuration(content)),
        ].filter { !$0.body.isEmpty }
        let links = sections.map { "<a href=\"#\($0.id)\">\(HTML.escape($0.title))</a>" }.joined(separator: "\n")
        let body = sections.map {
            "<section id=\"\($0.id)\">\n<h2>\(HTML.escape($0.title))</h2>\n\($0.body)</section>\n"
        }.joined()
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="\(policy)">
            <title>\(HTML.escape(content.title))</title>
            <style>
            \(Style.sheet)</style>
            </head>
            <body>
            <main>
            \(header(content, links: links))\(body)</main>
            </body>
            </html>

            """
    }

    // Texts of a corpus are other people's words: even if one slipped through, nothing may load or run.
    private static let policy = "default-src 'none'; style-src 'unsafe-inline'; media-src data:"

    private static func header(_ content: ReportContent, links: String) -> String {
        var parts = ["<header>\n<h1>\(HTML.escape(content.title))</h1>\n"]
        if !content.lead.isEmpty { parts.append("<p class=\"lead\">\(HTML.escape(content.lead))</p>\n") }
        if !content.facts.isEmpty {
            let facts = content.facts.map {
                "<div><dt>\(HTML.escape($0.name))</dt><dd>\(HTML.quote($0.value))</dd></div>"
            }
            parts.append("<dl class=\"facts\">\n\(facts.joined(separator: "\n"))\n</dl>\n")
        }
        if !content.warnings.isEmpty {
            let items = content.warnings.map { "<li>\(HTML.escape($0))</li>" }.joined(separator: "\n")
            parts.append(
                "<aside class=\"warnings\"><h2>\(content.warnings.count == 1 ? "A warning" : "Warnings")</h2>\n"
                    + "<ul>\n\(items)\n</ul></aside>\n")
        }
        parts.append("<nav aria-label=\"Sections\">\(links)</nav>\n</header>\n")
        return parts.joined()
    }

    private static func configuration(_ content: ReportContent) -> String {
        guard !content.configuration.isEmpty else { return "" }
        return
            "<p>Every default is written out; <code>resurface finetune --config</code> takes each part as a file.</p>\n"
            + "<pre class=\"configuration\" tabindex=\"0\">\(HTML.escape(content.configuration))</pre>\n"
    }
}
