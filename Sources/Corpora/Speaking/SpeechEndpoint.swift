import Foundation

/// A service with OpenAI's speech interface (`POST /v1/audio/speech`), as the paper used one. It is told how to speak: "Speak in a
/// very sad tone." The worker process asks it; the key, where one is needed, is in its environment (OPENAI_API_KEY) and nowhere else.
public struct SpeechEndpoint: Sendable, Equatable {
    /// As https://host/v1.
    public let url: String
    public let model: String

    /// Throws `CorpusError` for an address that is none, holds a name or password, or has more than a path.
    public init(url: String, model: String) throws {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty, parts.user == nil,
            parts.password == nil, parts.query == nil, parts.fragment == nil
        else {
            // The address is not repeated: it may hold a password.
            throw CorpusError("endpoint: expected an address as https://host/v1, without user, query or fragment")
        }
        guard !model.isEmpty, model.count <= CorpusLimits.name else {
            throw CorpusError("endpoint: expected the name of a model of 1 to \(CorpusLimits.name) characters")
        }
        self.url = url
        self.model = model
    }

    /// Voices named as `nova:female,onyx:male`. Of each sex the first is for training, the second for the test, the third for
    /// validation, all others for training: voices of the test are unheard.
    public static func voices(_ names: String) throws -> [Voice] {
        var counts: [Sex: Int] = [:], seen: Set<String> = []
        return try names.split(separator: ",").map { part in
            let fields = part.split(separator: ":", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard fields.count == 2, (1...100).contains(fields[0].count), let sex = Sex(rawValue: fields[1]) else {
                throw CorpusError("endpoint voices: expected NAME:female or NAME:male, found \"\(part)\"")
            }
            guard seen.insert(fields[0]).inserted else {
                throw CorpusError("endpoint voices: \"\(fields[0])\" is there twice")
            }
            let number = counts[sex, default: 0], split: Split = [1: .test, 2: .validation][number] ?? .train
            counts[sex] = number + 1
            // f0 is for moving voices, which these are not.
            return Voice("endpoint-\(fields[0])", .endpoint, fields[0], sex, f0: sex == .female ? 200 : 110, split)
        }
    }

    /// What the service is told of a clip.
    static func instructions(child: Bool, emotion: String?, intensity: EmotionRule.Intensity) -> String {
        if let emotion { return "Speak in a \(intensity == .strong ? "very " : "")\(emotion) tone." }
        return child
            ? "Speak as a child of about seven would, in a child's small, high voice."
            : "Speak as an adult, in a calm and neutral tone."
    }
}
