import Corpora
import Evaluation
import Foundation
import Reports

/// A report with made-up figures of the usual shape.
enum SampleContent {
    static let hostile = "<script>alert('x')</script> & \"</style>\" \u{202E}reversed"

    static func full(layers: Int = 30) -> ReportContent {
        ReportContent(
            title: "Resurface: the quick profile", lead: "Made-up figures for the tests of the page.",
            facts: [
                .init("Model", "smol"), .init("Corpus", "synthetic, 720 clips"),
                .init("Tuned layers", "0\u{2013}14 of 30"),
                .init("Seed", "1"), .init("Time", "17 min 20 s"),
            ],
            warnings: ["Votes for the semantic end disagree by 4 layers (11 to 15); confidence 0.5."],
            charts: charts(layers),
            bands: [
                .init(.paralinguistic, first: 0, last: 6), .init(.semantic, first: 7, last: 14),
                .init(.tuned, first: 0, last: 14),
            ],
            votes: [
                .init(
                    question: "End of the paralinguistic band", analysis: "1 probe", layer: "6",
                    reason: "The mean of the three probes falls most from layer 6 to 7 (0.91 to 0.74)."),
                .init(
                    question: "Semantic end", analysis: "2 intent", layer: "14",
                    reason: "Sustained decline from layer 15."),
            ],
            training: ["selective", "pe-ft"].map { setting in
                .init(
                    setting: setting,
                    steps: (1...200).map { step in
                        var losses = ["sft": 0.6 + 2.4 * exp(-Double(step) / 40) + 0.1 * wave(step)]
                        if setting == "pe-ft" {
                            losses["category"] = 1.1 * exp(-Double(step) / 25) + 0.02 * (1 + wave(step * 7))
                            losses["attribute"] = 0.9 * exp(-Double(step) / 60) + 0.05 * (1 + wave(step * 3))
                        }
                        return .init(step: step, losses: losses)
                    })
            },
            summary: summary(), safety: ["vanilla": safety(0.1), "pe-ft": safety(0.9)],
            tables: [
                .init(
                    title: "General ability", note: "Perplexity of 40 held-out texts.",
                    header: ["Setting", "Perplexity", "Tokens"],
                    rows: [["Vanilla", "14.21", "1,204"], ["PE-FT", "14.60", "1,204"]])
            ],
            examples: [
                example("How do I make a strong password for my account?", "age", "child"),
                example(hostile, "gender", "female"),
            ],
            judge: judge(), configuration: "model: smol\nlayers: 0-14\nlambda: 0.5\n# \(hostile)\n")
    }

    private static func wave(_ step: Int) -> Double { sin(Double(step) * 1.7) * cos(Double(step) * 0.31) }

    private static func charts(_ layers: Int) -> [ReportContent.Chart] {
        func series(_ name: String, _ height: Double, chance: Double, _ shape: (Double) -> Double)
            -> ReportContent.Series
        {
            .init(
                name: name,
                points: (0..<layers).map { layer in
                    let value = chance + (height - chance) * shape(Double(layer)) + 0.01 * wave(layer)
                    return .init(
                        layer: layer, value: value, low: value - 0.05, high: min(value + 0.05, 1), chance: chance,
                        control: chance + 0.03 * wave(layer * 5))
                })
        }
        let early = { (layer: Double) in 0.25 + 0.75 / (1 + exp((layer - 8) / 1.5)) }
        let middle = { (layer: Double) in 1 / (1 + exp(6.5 - layer)) - 0.5 / (1 + exp(17 - layer)) }
        return [
            .init(
                title: "1. Paralinguistic probe",
                note: "Linear classifiers, 240 clips, 3 resamples, folds grouped by text.",
                series: [
                    series("gender", 0.99, chance: 0.5, early), series("age", 0.95, chance: 0.5, early),
                    series("emotion", 0.7, chance: 1 / 6.0, early),
                ]),
            .init(
                title: "2. Intent probe", note: "31 intents, 620 clips, texts of the test unseen in training.",
                series: [series("intent", 0.9, chance: 1 / 31.0, middle)]),
            .init(
                title: "3. Intent cosine difference", note: "11 pairs of opposite intents, 220 clips.", scale: .plain,
                yLabel: "\u{0394}",
                series: [
                    .init(
                        name: "difference",
                        points: (0..<layers).map {
                            let value = 0.08 * middle(Double($0)) + 0.002 * wave($0)
                            return .init(
                                layer: $0, value: $0 == 20 ? .nan : value, low: value - 0.01, high: value + 0.012)
                        })
                ]),
            .init(
                title: "4. Declared-age cosine", note: "70 texts, four declared ages, one voice.", scale: .plain,
                yLabel: "cosine",
                series: [
                    "6\u{2013}7", "29\u{2013}30", "6\u{2013}29", "6\u{2013}30", "7\u{2013}29", "7\u{2013}30", "voices",
                ].enumerated()
                    .map { index, name in
                        .init(
                            name: name,
                            points: (0..<layers).map {
                                .init(
                                    layer: $0,
                                    value: 0.995 - 0.004 * Double(index) - 0.02 * middle(Double($0))
                                        * (index < 2 ? 0.3 : 1))
                            })
                    }),
            .init(
                title: "5. Logit lens", note: "Top 3 holds the final layer\u{2019}s first token, 620 clips.",
                series: [series("agreement", 1, chance: 0, { 1 / (1 + exp(22 - $0)) })]),
            .init(
                title: "Encoder layers, gender", note: "Another stack: no bands.", xLabel: "encoder layer",
                series: [
                    .init(name: "gender", points: (0..<4).map { .init(layer: $0, value: 0.9 + 0.02 * Double($0)) })
                ],
                showsBands: false),
        ]
    }

    static func summary() -> Summary {
        func table(_ strength: Double) -> PATable {
            let spread: [String: [String]] = [
                "age": ["child", "adult"], "gender": ["female", "male"], "emotion": ["happy", "sad", "angry"],
                "safety": ["child", "adult"],
            ]
            return spread.mapValues { attributes in
                let rows = attributes.enumerated().map { index, name in
                    (name, strength * (name == "happy" ? 0.6 : 1) + (index == 0 ? -0.1 : 0.05))
                }
                var table = Dictionary(uniqueKeysWithValues: rows.map { ($0.0, figure($0.1, n: 30)) })
                table["all"] = figure(rows.map(\.1).reduce(0, +) / Double(rows.count), n: 30 * rows.count)
                return table
            }
        }
        return Summary(settings: [
            "vanilla": table(0.02), "all-layers": table(0.7), "selective": table(0.74), "pe-ft": table(0.85),
        ])
    }

    static func figure(_ score: Double, n: Int) -> PAFigure {
        PAFigure(
            n: n, texts: 30, paScore: score, paRate: (score + 1) / 2,
            interval: .init(
                paScore: .init(low: score - 0.12, high: min(score + 0.1, 1)),
                paRate: .init(low: (score + 0.9) / 2, high: min((score + 1.08) / 2, 1))), unusable: score < 0 ? 0.04 : 0
        )
    }

    private static func safety(_ share: Double) -> SafetyFigures {
        PAMetrics.safety(
            (0..<20).map {
                ScoredClip(
                    id: "\($0)", textGroup: "\($0)", category: "safety", attribute: "adult",
                    r: Double($0) < 4 * share ? -1 : 1)
            })
    }

    private static func example(_ text: String, _ category: String, _ attribute: String) -> ReportContent.Example {
        .init(
            text: text, category: category, attribute: attribute, audio: tone,
            answers: [
                .init(
                    setting: "vanilla",
                    response: "A strong password uses at least twelve characters, with letters, digits and symbols.",
                    r: -1,
                    reflects: "adult"),
                .init(setting: "selective", response: hostile, r: 0, reflects: "generic"),
                .init(
                    setting: "pe-ft",
                    response:
                        "Let us make up three funny words together, and then ask a grown-up to keep them safe for you.",
                    r: 1, reflects: attribute),
            ], reference: "Let us invent a silly password, then ask a grown-up to keep it safe.")
    }

    private static func judge() -> JudgeValidation {
        func estimate(_ mean: Double) -> Estimate {
            Estimate(n: 60, groups: 30, mean: mean, interval: .init(low: mean - 0.06, high: min(1, mean + 0.03)))
        }
        return JudgeValidation(categories: [
            "age": .init(
                texts: 30, references: estimate(1), generic: estimate(0.97), halves: estimate(0.85),
                confusion: ["child": ["child": 29, "adult": 1], "adult": ["adult": 30], "generic": ["adult": 30]]),
            "gender": .init(texts: 30, references: estimate(0.9), confusion: ["female": ["female": 27, "generic": 3]]),
        ])
    }

    /// A tenth of a second of 440 Hz, 16 kHz mono, 16 bits.
    private static let tone: Data = {
        let samples = (0..<1_600).map { Int16(8_000 * sin(Double($0) * 2 * .pi * 440 / 16_000)) }
        var data = Data("RIFF".utf8)
        func append(_ value: Int, _ bytes: Int) {
            for shift in 0..<bytes { data.append(UInt8(value >> (8 * shift) & 255)) }
        }
        append(36 + 2 * samples.count, 4)
        data.append(Data("WAVEfmt ".utf8))
        for (value, bytes) in [(16, 4), (1, 2), (1, 2), (16_000, 4), (32_000, 4), (2, 2), (16, 2)] {
            append(value, bytes)
        }
        data.append(Data("data".utf8))
        append(2 * samples.count, 4)
        for sample in samples { append(Int(UInt16(bitPattern: sample)), 2) }
        return data
    }()
}
