import Checkpoints
import Foundation
import MLX
import MLXNN

extension SmolProjector {
    /// An encoder that was trained with the projector is in the same file, by the names of the model's folder.
    private static let encoderPrefix = "audio_tower."

    /// Convolutions are (out, in, k) in files, (out, k, in) here, and the way there is the way back.
    private static func turned(_ array: MLXArray) -> MLXArray {
        array.ndim == 3 ? array.transposed(axes: [0, 2, 1]) : array
    }

    /// Writes half-precision weights with the token list; `metadata` says how they were made.
    ///
    /// - Parameter encoder: where it is not the published one: it is written too.
    public func save(to url: URL, encoder: WhisperEncoder? = nil, metadata: [String: String]) throws {
        var tensors = namedParameters().compactMap { p in
            p.parameter.array.map { (name: p.path, array: $0.asType(.float16)) }
        }
        tensors.append((name: "tokens", array: MLXArray(tokens)))
        for (path, parameter) in encoder?.namedParameters() ?? [] {
            guard let array = parameter.array else { continue }
            tensors.append((name: Self.encoderPrefix + path, array: Self.turned(array).asType(.float16)))
        }
        try Safetensors.write(tensors, metadata: metadata, to: url)
    }

    /// Reads what `save` wrote, and checks every tensor's shape and values. An encoder that is with it is put into `encoder`.
    ///
    /// - Returns: the projector, and whether there was an encoder.
    static func load(
        _ url: URL, encoder: WhisperEncoder, width: Int, vocabulary: Int
    ) throws -> (projector: SmolProjector, hasEncoder: Bool) {
        let file = try SafetensorsFile(url)
        for name in file.names { try file.checkFinite(name) }
        let tokens = try file.array("tokens").asInt32Array()
        guard tokens.count > 0, tokens.allSatisfy({ $0 >= 0 && Int($0) < vocabulary }) else {
            throw ModelError("\(url.path): tokens must be ids below \(vocabulary)")
        }
        let inner = try file.info("hidden.weight").shape.first ?? 0
        guard (2...8_192).contains(inner), inner.isMultiple(of: 2) else {
            throw ModelError("\(url.path): hidden.weight has \(inner) rows, expected an even number of 2 to 8192")
        }
        let projector = SmolProjector(
            encoderWidth: encoder.config.width, innerWidth: inner, width: width, tokens: tokens)
        var values: [String: MLXArray] = [:], own: [String: MLXArray] = [:]
        for name in file.names where name != "tokens" {
            let array = try file.array(name).asType(.float32)
            if name.hasPrefix(encoderPrefix) {
                own[String(name.dropFirst(encoderPrefix.count))] = turned(array)
            } else {
                values[name] = array
            }
        }
        try eval(Array(values.values) + Array(own.values))
        do {
            try projector.update(parameters: values)
            if !own.isEmpty { try encoder.update(parameters: own) }
        } catch let error as ModuleError {
            throw ModelError("\(url.path): \(error)")
        }
        return (projector, !own.isEmpty)
    }
}
