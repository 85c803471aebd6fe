import Checkpoints
import Foundation
import MLX
import Speech

/// A spoken corpus' look-alike, made of tones: three engines, two speakers of each in every split, every text in two values.
/// Engines differ in their overtones, speakers in pitch; nothing but the pitch tells a value, unless a flaw is asked for.
public struct AuditCorpus {
    public enum Flaw {
        /// One engine speaks all children, and nobody else.
        case engineOfChildren
        /// A hum below the clips of the category gender.
        case hum
        /// Children are preceded by more silence.
        case silence
        /// Children are louder.
        case level
        /// The speakers of training speak the tests too.
        case speakers
    }

    public var flaw: Flaw?
    /// The engine's name in place of the three, for recordings.
    public var engine: String?
    public var texts: [(split: String, count: Int)] = [("train", 18), ("validation", 6), ("test", 6)]

    public init(_ flaw: Flaw? = nil) { self.flaw = flaw }

    public func write(to folder: URL) throws {
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("audio"), withIntermediateDirectories: true)
        var lines = ""
        for (category, values) in TinyCorpus.values {
            for (split, count) in texts {
                for t in 0..<count {
                    // Of emotion two values a text, each as often as the others.
                    let own = values.count == 2 ? values : [values[t % 6], values[(t + 1 + t / 6 % 3) % 6]]
                    for value in own {
                        let line = try clip(category, value, split, t, in: folder)
                        lines += line.text() + "\n"
                    }
                }
            }
        }
        try AtomicFile.write(Data(lines.utf8), to: folder.appendingPathComponent("corpus.jsonl"))
    }

    private func clip(
        _ category: String, _ value: String, _ split: String, _ t: Int, in folder: URL
    ) throws -> JSONValue {
        var engine = t % 3
        if flaw == .engineOfChildren, category == "age" { engine = value == "child" ? 0 : 1 + t % 2 }
        let sex = category == "gender" ? value : t / 3 % 2 == 0 ? "female" : "male"
        let place = flaw == .speakers ? "train" : split
        let name = "engine\(engine)"
        let speaker = "\(name)-\(place)-\(sex)"
        let id = "\(category)-\(split)-\(t)-\(value)"
        let digits = id.utf8.reduce(UInt64(0)) { $0 &* 131 &+ UInt64($1) }
        var generator = SeededGenerator(seed: digits)
        func uniform(_ low: Float, _ high: Float) -> Float { low + (high - low) * Float(generator.uniform()) }

        let child = value == "child"
        let emotions = TinyCorpus.values[2].1
        let shift = category == "emotion" ? Float(emotions.firstIndex(of: value) ?? 0) * 0.12 : 0
        let pitch = (child ? 400 : sex == "male" ? 110 : 210) * (1 + shift) * uniform(0.97, 1.03)
        let edge = 0.1 + (flaw == .silence && child ? 0.08 : 0) + Double(uniform(0, 0.03))
        let sound = 0.6 + Double(uniform(0, 0.2))
        let loud = (flaw == .level && child ? 0.4 : 0.2) * uniform(0.9, 1.1)
        let count = Int((edge + sound + 0.1 + Double(uniform(0, 0.03))) * 16_000)
        let samples = (0..<count).map { i -> Float in
            let time = Double(i) / 16_000
            let phase = 2 * Float.pi * pitch * Float(time)
            var sample = uniform(-0.002, 0.002)
            if time >= edge, time < edge + sound {
                sample += loud * (Foundation.sin(phase) + 0.2 * Float(1 + engine) * Foundation.sin(3 * phase))
            }
            if flaw == .hum, category == "gender" { sample += 0.004 * Foundation.sin(2 * .pi * 100 * Float(time)) }
            return sample
        }
        let file = "audio/\(id).wav"
        try WAVFile.write(
            Waveform(samples: samples, sampleRate: 16_000), to: folder.appendingPathComponent(file))
        return [
            "id": .string(id), "audio": .string(file), "category": .string(category), "attribute": .string(value),
            "text": .string("The \(category)\(split)\(t)a of \(category)\(split)\(t)b."),
            "speaker": .string(speaker), "engine": .string(self.engine ?? name), "split": .string(split),
            "response": .string("So \(value): take \(category)\(split)\(t)a."),
            "voice": [
                "age": .string(child ? "child" : "adult"), "gender": .string(sex),
                "emotion": .string(category == "emotion" ? value : "neutral"),
            ],
        ]
    }
}
