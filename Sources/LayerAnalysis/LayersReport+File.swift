import Checkpoints
import Foundation

extension LayersReport {
    /// No report of any model comes near this size.
    private static let largestFile = 32 << 20

    /// Pretty JSON with sorted keys.
    public func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// Writes layers.json: the old contents or all of the new.
    public func write(to url: URL) throws { try AtomicFile.write(encoded(), to: url) }

    /// Reads and validates layers.json.
    /// - Throws: ``LayerAnalysisError`` naming the file and field.
    public init(contentsOf url: URL) throws {
        let size = (try? FileManager.default.attributesOfItem(atPath: url.path)[.size] as? NSNumber)?.intValue
        guard let size else {
            throw LayerAnalysisError("\(url.path): cannot be read; run analyze first, or give the layers as A-B")
        }
        guard size <= Self.largestFile else {
            throw LayerAnalysisError(
                "\(url.path): \(size) bytes, expected a layers.json of at most \(Self.largestFile)")
        }
        let data: Data
        do { data = try Data(contentsOf: url) } catch {
            throw LayerAnalysisError("\(url.path): cannot be read: \(error.localizedDescription)")
        }
        try self.init(data: data, name: url.path)
    }

    /// - Parameter name: what errors call the data.
    public init(data: Data, name: String) throws {
        do {
            self = try JSONDecoder().decode(LayersReport.self, from: data)
        } catch let error as DecodingError {
            throw LayerAnalysisError("\(name): \(Self.sentence(error)); run analyze again")
        }
        try validate(name)
    }

    private func validate(_ name: String) throws {
        func check(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
            guard condition else { throw LayerAnalysisError("\(name): \(sentence()); run analyze again") }
        }
        try check(version == Self.currentVersion, "version is \(version), expected \(Self.currentVersion)")
        try check((1...4096).contains(layers), "layers is \(layers), expected 1 to 4096")
        for curve in analyses.flatMap(\.curves) + decoder {
            try check(
                curve.layers.map(\.layer) == Array(0..<layers),
                "curve \(curve.name) has \(curve.layers.count) layers, expected 0 to \(layers - 1) in order")
        }
        for curve in analyses.flatMap(\.curves) + input + decoder + encoder {
            try check(curve.data.n >= 0 && curve.data.groups >= 0, "curve \(curve.name) has a negative N")
            for point in curve.layers {
                try check(
                    point.value.isFinite && point.low.isFinite && point.high.isFinite && point.low <= point.high,
                    "curve \(curve.name), layer \(point.layer): value \(point.value) in \(point.low) to \(point.high), expected "
                        + "an interval of finite numbers")
            }
        }
        for (field, band) in [
            ("tunedRange", choice.tunedRange), ("paralinguistic", choice.paralinguistic), ("semantic", choice.semantic),
            ("generation", choice.generation),
        ] as [(String, LayerChoice.Band?)] {
            guard let band else { continue }
            try check(
                band.first >= 0 && band.first <= band.last && band.last < layers,
                "choice.\(field) is \(band.first)-\(band.last), expected layers within 0-\(layers - 1)")
        }
        try check((0...1).contains(choice.confidence), "choice.confidence is \(choice.confidence), expected 0 to 1")
    }

    private static func sentence(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            let keys = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
            return keys.isEmpty ? "the top level" : keys.joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let key, let context): "\(path(context)): the field \(key.stringValue) is missing"
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            "\(path(context)): expected \(type)"
        case .dataCorrupted(let context): "\(path(context)): not valid JSON or not an expected value"
        @unknown default: "not a layers.json"
        }
    }
}
