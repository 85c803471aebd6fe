import Corpora
import Foundation

/// summary.json: setting -> category -> attribute value ("all" too) -> n, paScore, paRate, interval.
public struct Summary: Codable, Sendable, Equatable {
    public var settings: [String: PATable]

    public init(settings: [String: PATable] = [:]) { self.settings = settings }

    public init(from decoder: any Decoder) throws {
        settings = try decoder.singleValueContainer().decode([String: PATable].self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(settings)
    }

    public subscript(setting: String, category: String, attribute: String) -> PAFigure? {
        settings[setting]?[category]?[attribute]
    }

    /// The settings that a report knows, in its order; any others follow by name.
    public static let order = ["vanilla", "all-layers", "selective", "pe-ft"]

    public var orderedSettings: [String] {
        Self.order.filter { settings[$0] != nil } + settings.keys.filter { !Self.order.contains($0) }.sorted()
    }

    /// Readable and the same bytes for the same figures.
    public func json() throws -> Data { try EvaluationResult.encoder.encode(self) }
}
