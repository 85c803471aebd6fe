import Checkpoints
import Foundation
import MLX

/// What voice.praat does to a clip; the defaults leave a voice as it is.
public struct SpeechProcess: Sendable, Equatable {
    /// Ratio of the formants.
    public var formant = 1.0
    /// Semitones.
    public var shift = 0.0
    /// Factor of the pitch range around the median.
    public var range = 1.0
    /// Semitones over the utterance.
    public var slope = 0.0
    /// Factor of the length.
    public var duration = 1.0
    /// dB of 1-5 kHz over the rest.
    public var alpha = 0.0
    /// RMS in dBFS.
    public var level = -26.0

    public init() {}

    /// Three decimals: more than can be heard, and the same text on every platform.
    var json: JSONValue {
        func number(_ value: Double) -> JSONValue { .number((value * 1000).rounded() / 1000) }
        return [
            "formant": number(formant), "shift": number(shift), "range": number(range), "slope": number(slope),
            "duration": number(duration), "alpha": number(alpha), "level": number(level),
        ]
    }
}

/// One clip to be spoken: what the worker needs to know of it.
public struct SpeechJob: Sendable, Equatable {
    public var text: String
    public var engine: SpeechEngine
    public var engineVoice: String
    public var process: SpeechProcess
    /// For the engine's own noise, 31 bits.
    public var seed: Int
    /// Of the engine `endpoint`: whom to ask, and in what tone to speak.
    public var endpoint: SpeechEndpoint?
    public var instructions: String?

    /// Two jobs with one hash give the same bytes: `scripts` stands for the worker's own code.
    func hash(scripts: String) -> String {
        let text = scripts + JSONValue.object(fields).text()
        return String(Checksum.sha256(Data(text.utf8)).prefix(12))
    }

    /// The line that the worker reads, without its end.
    func line(out: URL) -> String {
        JSONValue.object(fields.merging(["out": .string(out.path)]) { first, _ in first }).text()
    }

    private var fields: [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "text": .string(text), "engine": .string(engine.rawValue), "voice": .string(engineVoice),
            "process": process.json, "seed": .integer(seed),
        ]
        if let endpoint {
            fields["endpoint"] = [
                "url": .string(endpoint.url), "model": .string(endpoint.model),
                "instructions": .string(instructions ?? ""),
            ]
        }
        return fields
    }
}

/// Whether emotion changes the level of a clip.
public enum LevelRule: String, Codable, Sendable, CaseIterable {
    /// Every clip near -26 dBFS: level tells nothing.
    case constant
    /// As measured, from -36 dBFS at neutral: the model may learn level alone, so test at one level too.
    case kept
}

extension SpeechProcess {
    /// A neutral adult. Half of the clips are moved a little, so that "unchanged" marks nothing.
    static func adult(_ voice: Voice, level: LevelRule, using generator: inout SeededGenerator) -> SpeechProcess {
        var process = SpeechProcess()
        let isMoved = generator.uniform() < 0.5
        let (ratio, semitones) = (generator.uniform(0.97, 1.03), generator.uniform(-1, 1))
        process.formant = voice.formant * (isMoved ? ratio : 1)
        process.shift = voice.shift + (isMoved ? semitones : 0)
        process.duration = generator.uniform(0.97, 1.03)
        process.level = neutral(level) + generator.uniform(-1.5, 1.5)
        return process
    }

    /// A child made from an adult: formants up by 1.15-1.3 from women and 1.35-1.5 from men, f0 at 240-340 Hz.
    static func child(_ voice: Voice, level: LevelRule, using generator: inout SeededGenerator) -> SpeechProcess {
        var process = SpeechProcess()
        // Part of the speaker's own size stays, within what still sounds like a child.
        let span = voice.sourceSex == .female ? (1.15, 1.30) : (1.35, 1.50)
        let own = 1 + 0.3 * (voice.formant - 1)
        process.formant = min(span.1, max(span.0, own * generator.uniform(span.0, span.1)))
        process.shift = 12 * log2(generator.uniform(240, 340) / voice.medianF0)
        process.duration = generator.uniform(1.0, 1.1)
        process.level = neutral(level) + generator.uniform(-1.5, 1.5)
        return process
    }

    /// An adult with an emotion by the measured rules, each value drawn with half the actors' standard deviation.
    static func emotional(
        _ voice: Voice, rule: EmotionRule, level: LevelRule, using generator: inout SeededGenerator
    ) -> SpeechProcess {
        var process = SpeechProcess()
        process.formant = voice.formant * generator.uniform(0.98, 1.02)
        let shift = voice.shift + rule.shift + generator.normal() * rule.shiftSD / 2
        // Past 520 Hz overlap-add sounds like no voice at all; the worker takes 30 semitones at most.
        process.shift = min(30, 12 * log2(520 / voice.medianF0), max(12 * log2(65 / voice.medianF0), shift))
        let range = (rule.neutralRange + rule.rangeChange) / rule.neutralRange
        process.range = min(2, max(0.5, range * (1 + 0.08 * generator.normal())))
        process.slope = rule.slope + 0.75 * generator.normal()
        process.duration = min(1.8, max(0.8, rule.duration * (1 + 0.04 * generator.normal())))
        process.alpha = rule.alpha + 0.5 * generator.normal()
        let change = rule.level + generator.normal() * rule.levelSD / 2
        let jitter = generator.uniform(-1.5, 1.5)
        process.level = neutral(level) + (level == .kept ? change : jitter)
        process.level = min(-12, max(-50, process.level))
        return process
    }

    private static func neutral(_ level: LevelRule) -> Double { level == .kept ? -36 : -26 }
}
