import Foundation

/// The layouts that can be imported, by the names that a user types.
public enum ImportLayout: String, Sendable, CaseIterable {
    case ravdess
    case cremaD = "crema-d"
    case emodb, iemocap
    case commonVoice = "common-voice"
    case fsc, voicebench, messages, kimi, csv

    /// What a user may say beside the source.
    public struct Options: Sendable {
        /// Where relative paths of audio begin: for messages, kimi and csv.
        public var audioFolder: URL?
        /// For csv.
        public var table = TableImporter.Options()
        public init() {}
    }

    /// Throws for an option that has no meaning in this layout.
    public func importer(_ options: Options = Options()) throws -> any CorpusImporter {
        guard options.audioFolder == nil || [.messages, .kimi, .csv].contains(self) else {
            throw CorpusError("--audio-folder is for messages, kimi and csv, not for \(rawValue)")
        }
        guard self == .csv || options.table.columns.isEmpty && options.table.words.isEmpty else {
            throw CorpusError("--map and --value are for csv, not for \(rawValue)")
        }
        switch self {
        case .ravdess: return RavdessImporter()
        case .cremaD: return CremaDImporter()
        case .emodb: return EmoDBImporter()
        case .iemocap: return IemocapImporter()
        case .commonVoice: return CommonVoiceImporter()
        case .fsc: return FluentSpeechImporter()
        case .voicebench: return VoiceBenchImporter()
        case .messages: return MessagesImporter(audioFolder: options.audioFolder)
        case .kimi: return KimiImporter(audioFolder: options.audioFolder)
        case .csv: return TableImporter(options: options.table, audioFolder: options.audioFolder)
        }
    }

    /// A line for each layout with what its source must look like.
    public static var help: String {
        allCases.map { layout in
            let expects = (try? layout.importer().expects) ?? ""
            return layout.rawValue + String(repeating: " ", count: max(1, 14 - layout.rawValue.count)) + expects
        }.joined(separator: "\n")
    }
}
