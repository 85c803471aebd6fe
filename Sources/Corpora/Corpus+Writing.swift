import Checkpoints
import Foundation

extension Utterance {
    /// Its line in corpus.jsonl, without what is nil.
    package var json: JSONValue { .object(fields) }

    var fields: [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "id": .string(id), "audio": .string(audio), "text": .string(text), "speaker": .string(speaker),
            "engine": .string(engine), "split": .string(split.rawValue),
        ]
        let optional = [
            "category": category?.rawValue, "attribute": attribute, "response": response, "generic": generic,
            "intent": intent, "scenario": scenario,
        ]
        for (key, value) in optional { if let value { fields[key] = .string(value) } }
        if let declaredAge { fields["declaredAge"] = .integer(declaredAge) }
        if let voice { fields["voice"] = .object(voice.mapValues { .string($0) }) }
        return fields
    }
}

extension Corpus {
    /// Writes corpus.jsonl: keys sorted, so that equal corpora are equal bytes; whole or not at all.
    public func write() throws {
        var text = ""
        for utterance in utterances { text += utterance.json.text() + "\n" }
        try AtomicFile.write(Data(text.utf8), to: folder.appendingPathComponent(Self.fileName))
    }
}
