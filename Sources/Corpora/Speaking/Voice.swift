/// The program or library that turns text into speech.
public enum SpeechEngine: String, Codable, Sendable, CaseIterable {
    case hibari, piper, espeak, flite, kokoro, festival
    /// A service with OpenAI's interface (`SpeechEndpoint`).
    case endpoint

    /// Whether it comes with the speech environment, so that it is the same on every machine.
    public var isPackaged: Bool { [.hibari, .piper, .espeak].contains(self) }
}

public enum Sex: String, Codable, Sendable { case female, male }

/// A speaker: a voice of an engine, moved by a fixed formant ratio and shift, so that few engines give many speakers.
///
/// hibari and piper have one voice each, a woman's and a man's. Their moved voices cross the sexes too: otherwise the
/// engine would give the gender away. Each split has voices of its own from every engine.
public struct Voice: Sendable, Equatable, Identifiable {
    public var id: String
    public var engine: SpeechEngine
    public var engineVoice: String
    /// Of this speaker, after formant and shift.
    public var sex: Sex
    /// Of the engine's own voice.
    public var sourceSex: Sex
    /// Median f0 of the engine's own voice in Hz, measured by voice.praat.
    public var medianF0: Double
    public var formant: Double
    /// Semitones.
    public var shift: Double
    /// The split whose clips this voice speaks.
    public var split: Split
    /// The engine's own voice, which moved ones share: the label `base` of a clip.
    public var base: String { "\(engine.rawValue) \(engineVoice)" }

    init(
        _ id: String, _ engine: SpeechEngine, _ engineVoice: String, _ sex: Sex, from sourceSex: Sex? = nil,
        f0: Double, formant: Double = 1, shift: Double = 0, _ split: Split
    ) {
        self.id = id
        self.engine = engine
        self.engineVoice = engineVoice
        self.sex = sex
        self.sourceSex = sourceSex ?? sex
        self.medianF0 = f0
        self.formant = formant
        self.shift = shift
        self.split = split
    }

    /// The default: engines of the speech environment only. The espeak variants are those that Whisper tiny.en
    /// transcribed best.
    public static let packaged: [Voice] = [
        Voice("heart", .hibari, "heart", .female, f0: 188, .train),
        Voice("heart-low", .hibari, "heart", .female, f0: 188, formant: 0.93, shift: -3.5, .train),
        Voice("heart-high", .hibari, "heart", .female, f0: 188, formant: 1.07, shift: 2, .train),
        Voice("heart-man", .hibari, "heart", .male, from: .female, f0: 188, formant: 0.84, shift: -11, .train),
        Voice("heart-boyish", .hibari, "heart", .male, from: .female, f0: 188, formant: 0.87, shift: -7.5, .train),
        Voice("joe", .piper, "joe", .male, f0: 90, .train),
        Voice("joe-low", .piper, "joe", .male, f0: 90, formant: 0.94, shift: -1.5, .train),
        Voice("joe-high", .piper, "joe", .male, f0: 90, formant: 1.08, shift: 4, .train),
        Voice("joe-woman", .piper, "joe", .female, from: .male, f0: 90, formant: 1.17, shift: 12.5, .train),
        Voice("joe-alto", .piper, "joe", .female, from: .male, f0: 90, formant: 1.14, shift: 10.5, .train),
        Voice("espeak-f1", .espeak, "f1", .female, f0: 178, .train),
        Voice("espeak-f5", .espeak, "f5", .female, f0: 203, .train),
        Voice("espeak-m3", .espeak, "m3", .male, f0: 104, .train),
        Voice("espeak-m7", .espeak, "m7", .male, f0: 105, .train),

        Voice("heart-warm", .hibari, "heart", .female, f0: 188, formant: 1.05, shift: -2, .validation),
        Voice("heart-baritone", .hibari, "heart", .male, from: .female, f0: 188, formant: 0.82, shift: -9, .validation),
        Voice("joe-dark", .piper, "joe", .male, f0: 90, formant: 1.05, shift: -1, .validation),
        Voice("joe-mezzo", .piper, "joe", .female, from: .male, f0: 90, formant: 1.2, shift: 11.5, .validation),
        Voice("espeak-f3", .espeak, "f3", .female, f0: 209, .validation),
        Voice("espeak-m1", .espeak, "m1", .male, f0: 93, .validation),

        Voice("heart-clear", .hibari, "heart", .female, f0: 188, formant: 0.96, shift: 1.5, .test),
        Voice("heart-tenor", .hibari, "heart", .male, from: .female, f0: 188, formant: 0.86, shift: -9.5, .test),
        Voice("joe-light", .piper, "joe", .male, f0: 90, formant: 0.97, shift: 2.5, .test),
        Voice("joe-soprano", .piper, "joe", .female, from: .male, f0: 90, formant: 1.2, shift: 14, .test),
        Voice("espeak-f4", .espeak, "f4:70", .female, f0: 219, .test),
        Voice("espeak-m5", .espeak, "m5", .male, f0: 101, .test),
    ]

    /// What the program flite adds where it is installed: each of its own voices in one split alone.
    public static let flite: [Voice] = [
        Voice("rms", .flite, "rms", .male, f0: 100, .train),
        Voice("rms-woman", .flite, "rms", .female, from: .male, f0: 100, formant: 1.17, shift: 11, .train),
        Voice("awb", .flite, "awb", .male, f0: 130, .validation),
        Voice("awb-woman", .flite, "awb", .female, from: .male, f0: 130, formant: 1.16, shift: 7, .validation),
        Voice("slt", .flite, "slt", .female, f0: 175, .test),
        Voice("slt-man", .flite, "slt", .male, from: .female, f0: 175, formant: 0.85, shift: -9.5, .test),
        Voice("kal16", .flite, "kal16", .male, f0: 88, .test),
        Voice("kal16-woman", .flite, "kal16", .female, from: .male, f0: 88, formant: 1.17, shift: 13, .test),
    ]

    /// What Kokoro's packages add where they are installed beside the other engines: four women and a man, whose language is
    /// Japanese.
    public static let kokoro: [Voice] = [
        Voice("alpha", .kokoro, "jf_alpha", .female, f0: 259, .train),
        Voice("alpha-man", .kokoro, "jf_alpha", .male, from: .female, f0: 259, formant: 0.84, shift: -13, .train),
        Voice("kumo", .kokoro, "jm_kumo", .male, f0: 91, .train),
        Voice("kumo-woman", .kokoro, "jm_kumo", .female, from: .male, f0: 91, formant: 1.17, shift: 13, .train),
        Voice("nezumi", .kokoro, "jf_nezumi", .female, f0: 229, .validation),
        Voice(
            "nezumi-man", .kokoro, "jf_nezumi", .male, from: .female, f0: 229, formant: 0.85, shift: -11, .validation),
        Voice("gongitsune", .kokoro, "jf_gongitsune", .female, f0: 238, .test),
        Voice(
            "gongitsune-man", .kokoro, "jf_gongitsune", .male, from: .female, f0: 238, formant: 0.85, shift: -11.5,
            .test),
        // As high as a child's as it is.
        Voice("tebukuro", .kokoro, "jf_tebukuro", .female, f0: 327, formant: 0.97, shift: -5, .test),
    ]

    /// What the program festival adds with Debian's voices. kal and slt are flite's speakers too.
    public static let festival: [Voice] = [
        Voice("ked", .festival, "ked", .male, f0: 107, .train),
        Voice("ked-woman", .festival, "ked", .female, from: .male, f0: 107, formant: 1.17, shift: 10.5, .train),
        Voice("festival-kal", .festival, "kal", .male, f0: 105, .test),
        Voice(
            "festival-kal-woman", .festival, "kal", .female, from: .male, f0: 105, formant: 1.17, shift: 10.5, .test),
        Voice("festival-slt", .festival, "slt", .female, f0: 174, .test),
        Voice("festival-slt-man", .festival, "slt", .male, from: .female, f0: 174, formant: 0.85, shift: -9.5, .test),
    ]

    /// All voices but those moved from one that another split has already: no split hears an engine's voice of another, moved or
    /// not. The engines of the speech environment have too few of their own for that, so flite is needed.
    public static let distinct: [Voice] = {
        var owner: [String: Split] = [:]
        return (packaged + flite).filter { voice in
            if owner[voice.base] == nil { owner[voice.base] = voice.split }
            return owner[voice.base] == voice.split
        }
    }()

    /// Voices by name: `packaged`, `all` (those of engines that may not be there too), `distinct`, `none`, or ids with commas
    /// between them.
    public static func named(_ names: String) throws -> [Voice] {
        let all = packaged + flite + kokoro + festival
        switch names {
        case "packaged": return packaged
        case "all": return all
        case "distinct": return distinct
        case "none": return []
        default:
            let ids = names.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            for id in ids where !all.contains(where: { $0.id == id }) {
                throw CorpusError(
                    "voices: \"\(id)\" is unknown; expected packaged, all, distinct, none, or some of "
                        + all.map(\.id).joined(separator: ", "))
            }
            return all.filter { ids.contains($0.id) }
        }
    }
}
