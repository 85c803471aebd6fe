import Checkpoints
import Foundation

/// From the model argument of the command to a model: `smol`, or a folder in Hugging Face's layout.
public enum ModelRegistry {
    /// model_type of config.json -> how to load the folder. A new family is one line.
    static let families: [String: @Sendable (URL, String) throws -> any AudioLanguageModel] = [
        "resurface_smol": { try SmolModel(folder: $0, name: $1) },
        "qwen2_audio": { try Qwen2AudioModel(folder: $0, name: $1) },
        "voxtral": { try VoxtralModel(folder: $0, name: $1) },
        "qwen2_5_omni": { try Qwen25OmniModel(folder: $0, name: $1) },
        "qwen2_5_omni_thinker": { try Qwen25OmniModel(folder: $0, name: $1) },
    ]

    public static func load(_ argument: String) throws -> any AudioLanguageModel {
        if argument == "smol" {
            guard SmolSetup.isReady else {
                throw ModelError("the embedded model is not set up yet: run `resurface setup` once")
            }
            return try SmolModel(folder: SmolSetup.folder, name: "smol")
        }
        let folder = URL(fileURLWithPath: argument, isDirectory: true)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue else {
            throw ModelError("--model \(argument): no such folder; give `smol` or a folder in Hugging Face's layout")
        }
        let config = try JSONFile.object(at: folder.appendingPathComponent("config.json"))
        let type = try config.string("model_type")
        guard let load = families[type] else {
            throw ModelError(
                "\(config.place): model_type \(type) is not supported; known: \(families.keys.sorted().joined(separator: ", "))"
            )
        }
        return try load(folder, folder.lastPathComponent)
    }
}
