import ArgumentParser
import AudioLanguageModels
import Checkpoints
import Corpora
import Evaluation
import FineTuning
import Foundation
import Speech

/// `resurface evaluate`: PA metrics, child safety, content.
struct Evaluate: ParsableCommand {
    enum Suite: String, ExpressibleByArgument, CaseIterable {
        case awareness, safety, content, heads
        /// Each has its own, so that one folder holds all that was measured of a run.
        var fileName: String { self == .awareness ? "evaluation.json" : "evaluation-\(rawValue).json" }
    }
    /// Which splits are measured on.
    enum Part: String, ExpressibleByArgument, CaseIterable {
        case test, validation, all
        func includes(_ split: Split) -> Bool { self == .all || split.rawValue == rawValue }
    }

    static let configuration = CommandConfiguration(
        abstract:
            "Measures paralinguistic awareness, child safety or the understanding of content on a corpus' held-out split.",
        discussion: """
            Example: resurface evaluate --corpus corpora/demo --adapter runs/pe-ft --suite awareness
            The reference judge works offline; its own accuracy on held-out references is printed beside the metrics.
            """)

    @OptionGroup var options: ModelOptions
    @OptionGroup var hearing: HearingOptions
    @OptionGroup var asking: PromptOptions

    @Option(help: "The corpus folder.")
    var corpus: String

    @Option(
        help: """
            test, validation (the split for choosing settings, so that the test split stays unseen), or, for the suite heads on \
            a corpus that the run did not learn from, all.
            """)
    var split = Part.test

    @Option(help: "A run folder, or an adapter folder in PEFT's layout.")
    var adapter: String?

    @Option(help: "awareness, safety, content, or heads: what a run's classification heads hear, responses or not.")
    var suite = Suite.awareness

    @Option(help: "The judge: reference.")
    var judge = "reference"

    @Option(
        help: """
            A corpus whose training references the judge learns from, besides those of --corpus: for a test set without any, of \
            other voices or of recordings.
            """)
    var judgeCorpus: String?

    @Option(help: "Longest answer in tokens.")
    var tokens = 40

    @Option(help: "The folder to write the result to: evaluation.json, of other suites evaluation-SUITE.json.")
    var out: String?

    @Flag(help: "Print the same JSON on standard output.")
    var json = false

    func run() throws {
        guard judge == "reference" else { throw ValidationError("--judge: expected reference, found \(judge)") }
        guard (1...1024).contains(tokens) else {
            throw ValidationError("--tokens: expected 1 to 1024, found \(tokens)")
        }
        guard suite == .heads || split != .all else {
            throw ValidationError("--split all: this suite takes test or validation")
        }
        guard judgeCorpus == nil || suite == .awareness || suite == .safety else {
            throw ValidationError("--judge-corpus: this suite has no judge that learns from references")
        }
        if let out { try OutputFolder.check(URL(fileURLWithPath: out, isDirectory: true)) }
        let judgeCorpus = try judgeCorpus.map { try Corpus.load(URL(fileURLWithPath: $0, isDirectory: true)) }
        let model = try options.load()
        try asking.prepare(model, adapter: adapter)
        let source = try FeatureSource(corpus, model: model, level: hearing.rms)
        if suite == .content { return try content(source) }
        if suite == .heads { return try heads(source) }
        let result = try Self.score(
            source, adapter: adapter, run: adapter.map { URL(fileURLWithPath: $0, isDirectory: true) }, suite: suite,
            tokens: tokens, split: split, judgeCorpus: judgeCorpus)
        try write(result.json())
        if json { return }
        result.judge?.lines.forEach { print($0) }
        Self.table(result.metrics).forEach { print($0) }
        for (category, found) in (result.preferences ?? [:]).sorted(by: { $0.key < $1.key }) {
            print(Self.line(category, found))
        }
        if let heads = result.heads { print(Self.line(heads)) }
    }

    /// Into `--out`, where it is given, and on standard output with `--json`: a suite's result, encoded.
    func write(_ result: Data) throws {
        if let out {
            let folder = URL(fileURLWithPath: out, isDirectory: true)
            try OutputFolder.make(folder)
            try AtomicFile.write(result, to: folder.appendingPathComponent(suite.fileName))
        }
        if json { FileHandle.standardOutput.write(result) }
    }

    /// - Parameters:
    ///   - adapter: what the result calls it.
    ///   - run: its folder, which may hold classification heads.
    ///   - references: whether to read the texts' references too: `preferences` of the result.
    ///   - judgeCorpus: whose training references the judge learns from too. A text that is measured must not be among them.
    static func score(
        _ source: FeatureSource, adapter: String?, run: URL?, suite: Suite, tokens: Int, split: Part = .test,
        references: Bool = true, judgeCorpus: Corpus? = nil
    ) throws -> EvaluationResult {
        let utterances = source.corpus.utterances.filter {
            split.includes($0.split) && $0.category != nil && $0.attribute != nil && $0.response != nil
                && ($0.scenario != nil) == (suite == .safety)
        }
        guard !utterances.isEmpty else {
            throw EvaluationError(
                "\(source.corpus.folder.path): no labelled clip in the \(split.rawValue) split for the suite \(suite.rawValue)"
            )
        }
        // The judge learns from references alone, of the split that it is not asked about.
        let texts = try JudgedText.collect(
            from: (judgeCorpus?.utterances ?? []).filter { $0.split == .train } + source.corpus.utterances)
        let judge = try ReferenceJudge(texts: texts)
        let validation = try judge.validate(on: texts.filter { $0.split != .train })
        try source.warm(utterances)
        let responder = Responder(model: source.model, maximumTokens: tokens)
        let progress = Progress("answering")
        let answers = try responder.answer(
            utterances, features: source.features, progress: { progress.update($0, of: $1) },
            shouldStop: { Interrupt.requested })
        let clips = try Awareness.score(answers, texts: texts, judge: judge)
        let scored = clips.map(ScoredClip.init)
        let reading = Progress("reading references")
        let preferences =
            try !references
            ? nil
            : responder.preferences(
                utterances, texts: texts, features: source.features, progress: { reading.update($0, of: $1) },
                shouldStop: { Interrupt.requested })
        let plain = utterances.compactMap(\.generic)
        let perplexity = try responder.perplexity(
            of: Array(Set(plain)).sorted(), shouldStop: { Interrupt.requested })
        let settings = EvaluationResult.Settings(
            suite: suite.rawValue, split: split.rawValue, decoding: "greedy", maximumTokens: tokens,
            systemPrompt: source.model.system.isEmpty ? nil : source.model.system,
            judge: judge.name, judgeCorpus: judgeCorpus?.folder.lastPathComponent,
            seed: Statistics.defaultSeed, draws: Statistics.defaultDraws)
        return EvaluationResult(
            model: source.model.name, adapter: adapter, corpus: source.corpus.folder.lastPathComponent,
            settings: settings,
            judge: validation, clips: clips, metrics: try PAMetrics.table(scored),
            safety: suite == .safety ? PAMetrics.safety(scored) : nil, perplexity: perplexity,
            heads: try run.flatMap { try heads(of: $0, source, utterances) }, preferences: preferences)
    }

    private static func line(_ category: String, _ found: ReferencePreference) -> String {
        String(
            format: "references, %@: the voice's own preferred for %.1f %% [%.1f, %.1f] of %d pairs, loss %.3f a token",
            category, found.ordered.mean * 100, found.ordered.interval.low * 100, found.ordered.interval.high * 100,
            found.ordered.n, found.loss)
    }

    /// The line of what the heads hear, for people.
    static func line(_ heads: [String: HeadAccuracy]) -> String {
        "classification heads right: "
            + (["category"] + Category.allCases.map(\.rawValue)).compactMap { name in
                heads[name].map {
                    String(
                        format: "%@ %.1f %% [%.1f, %.1f] of %d", name, $0.right * 100, $0.interval.low * 100,
                        $0.interval.high * 100, $0.n)
                }
            }.joined(separator: ", ")
    }

    static func table(_ metrics: PATable) -> [String] {
        var lines = ["category  attribute   N   PA-score  [95 %]            PA-rate %  [95 %]"]
        for category in metrics.keys.sorted() {
            for (attribute, f) in (metrics[category] ?? [:]).sorted(by: {
                ($0.key == "all" ? 0 : 1, $0.key) < ($1.key == "all" ? 0 : 1, $1.key)
            }) {
                lines.append(
                    category.padding(toLength: 10, withPad: " ", startingAt: 0)
                        + attribute.padding(toLength: 10, withPad: " ", startingAt: 0)
                        + String(
                            format: "%4d   %+.3f  [%+.3f, %+.3f]   %6.1f  [%.1f, %.1f]", f.n, f.paScore,
                            f.interval.paScore.low, f.interval.paScore.high, f.paRate * 100,
                            f.interval.paRate.low * 100, f.interval.paRate.high * 100))
            }
        }
        return lines
    }
}
