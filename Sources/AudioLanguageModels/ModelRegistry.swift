import Checkpoints
import Foundation

/// From the model argument of the command to a model: `smol`, or a folder in Hugging Face's layout.
public enum ModelRegistry {
    /// How to load a folder, and the shape of its decoder by its config.json.
    typealias Family = (
        load: @Sendable (URL, String) throws -> any AudioLanguageModel,
        decoder: @Sendable (JSONObject) throws -> DecoderConfig
    )

    /// By model_type of config.json. A new family is one line.
    static let families: [String: Family] = [
        "resurface_smol": ({ try SmolModel(folder: $0, name: $1) }, { try SmolConfig($0).decoder }),
        "qwen2_audio": (
            { try Qwen2AudioModel(folder: $0, name: $1) }, { try Qwen2AudioConfig($0, tied: false).decoder }
        ),
        "voxtral": ({ try VoxtralModel(folder: $0, name: $1) }, { try VoxtralConfig($0, tied: false).decoder }),
        "qwen2_5_omni": omni, "qwen2_5_omni_thinker": omni,
        "kimi_audio": ({ try KimiAudioModel(folder: $0, name: $1) }, { try KimiAudioConfig($0, tied: false).decoder }),
    ]
    private static let omni: Family = (
        { try Qwen25OmniModel(folder: $0, name: $1) }, { try Qwen25OmniConfig($0, tied: false).decoder }
    )

    public static func load(_ argument: String) throws -> any AudioLanguageModel {
        let folder = try folder(argument)
        if argument == "smol" { return try SmolModel.embedded() }
        let config = try JSONFile.object(at: folder.appendingPathComponent("config.json"))
        return try family(config).load(folder, folder.lastPathComponent)
    }

    /// The shape of a model, of which nothing but headers is read.
    public static func shape(_ argument: String) throws -> ModelShape {
        let folder = try folder(argument), files = try HFFolder(folder)
        return try ModelShape(files, decoder: family(files.config).decoder(files.config))
    }

    private static func folder(_ argument: String) throws -> URL {
        if argument == "smol" {
            guard SmolSetup.isReady else {
                throw ModelError("the embedded model is not set up yet: run `resurface setup` once")
            }
            return SmolSetup.folder
        }
        let folder = URL(fileURLWithPath: argument, isDirectory: true)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue else {
            throw ModelError("--model \(argument): no such folder; give `smol` or a folder in Hugging Face's layout")
        }
        return folder
    }

    private static func family(_ config: JSONObject) throws -> Family {
        let type = try config.string("model_type")
        guard let family = families[type] else {
            throw ModelError(
                "\(config.place): model_type \(type) is not supported; known: \(families.keys.sorted().joined(separator: ", "))"
            )
        }
        return family
    }
}
