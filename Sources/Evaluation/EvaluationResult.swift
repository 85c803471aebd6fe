import Corpora
import Foundation

/// evaluation.json: one model (with or without an adapter) on one corpus, everything that the figures rest on.
public struct EvaluationResult: Codable, Sendable, Equatable {
    /// How the responses were made.
    public struct Settings: Codable, Sendable, Equatable {
        /// awareness, safety or content.
        public var suite: String
        /// test, or validation where settings are being chosen.
        public var split: String
        /// "greedy".
        public var decoding: String
        public var maximumTokens: Int
        /// The system prompt in words; nil for the model's own default.
        public var systemPrompt: String?
        public var judge: String
        /// Whose training references the judge has learnt from, where not the corpus' own alone.
        public var judgeCorpus: String?
        public var seed: UInt64
        public var draws: Int

        public init(
            suite: String, split: String = "test", decoding: String = "greedy", maximumTokens: Int,
            systemPrompt: String? = nil,
            judge: String = "reference", judgeCorpus: String? = nil, seed: UInt64 = Statistics.defaultSeed,
            draws: Int = Statistics.defaultDraws
        ) {
            self.suite = suite
            self.split = split
            self.decoding = decoding
            self.maximumTokens = maximumTokens
            self.systemPrompt = systemPrompt
            self.judge = judge
            self.judgeCorpus = judgeCorpus
            self.seed = seed
            self.draws = draws
        }
    }

    /// One clip: what was answered and how it was judged.
    public struct Clip: Codable, Sendable, Equatable {
        public var id: String
        public var text: String
        /// age, gender, emotion or safety.
        public var category: String
        public var attribute: String
        public var response: String
        public var r: Int
        public var reflects: String

        public init(
            id: String, text: String, category: String, attribute: String, response: String, r: Int, reflects: String
        ) {
            self.id = id
            self.text = text
            self.category = category
            self.attribute = attribute
            self.response = response
            self.r = r
            self.reflects = reflects
        }
    }

    public var model: String
    /// The run folder; nil for the model as it is.
    public var adapter: String?
    public var corpus: String
    public var settings: Settings
    /// nil for suites without a judge.
    public var judge: JudgeValidation?
    public var clips: [Clip]
    public var metrics: PATable
    public var safety: SafetyFigures?
    public var perplexity: Perplexity?
    /// By head: category, age, gender, emotion. nil without classification heads.
    public var heads: [String: HeadAccuracy]?
    /// By category; nil in results of older versions.
    public var preferences: [String: ReferencePreference]?

    public init(
        model: String, adapter: String? = nil, corpus: String, settings: Settings, judge: JudgeValidation? = nil,
        clips: [Clip] = [], metrics: PATable = [:], safety: SafetyFigures? = nil,
        perplexity: Perplexity? = nil, heads: [String: HeadAccuracy]? = nil,
        preferences: [String: ReferencePreference]? = nil
    ) {
        self.model = model
        self.adapter = adapter
        self.corpus = corpus
        self.settings = settings
        self.judge = judge
        self.clips = clips
        self.metrics = metrics
        self.safety = safety
        self.perplexity = perplexity
        self.heads = heads
        self.preferences = preferences
    }

    /// Readable, and the same bytes for the same figures.
    public func json() throws -> Data { try Self.encoder.encode(self) }

    /// - Throws: `EvaluationError` naming the file and the field when it is no such result.
    public init(contentsOf url: URL) throws {
        do {
            self = try JSONDecoder().decode(EvaluationResult.self, from: Data(contentsOf: url))
        } catch let error as DecodingError {
            throw EvaluationError(
                "\(url.path): not an evaluation result: \(Self.sentence(error)) Expected a file that `resurface evaluate` "
                    + "wrote; run it again.")
        } catch {
            throw EvaluationError(
                "\(url.path): cannot be read (\(error.localizedDescription)); expected an evaluation result.")
        }
    }

    static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    private static func sentence(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let key, let context): "field \((path(context) + "." + key.stringValue)) is missing."
        case .typeMismatch(let type, let context): "field \(path(context)) is not a \(type)."
        case .valueNotFound(_, let context): "field \(path(context)) is empty."
        case .dataCorrupted(let context): "\(path(context)) \(context.debugDescription)"
        @unknown default: "\(error)."
        }
    }
}
