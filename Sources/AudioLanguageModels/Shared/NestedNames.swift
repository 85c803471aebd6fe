import Checkpoints

/// Names of tensors of a model with an `audio_tower` and a `language_model`: in files of the hub, and of a state saved with the
/// module paths of HF 5.
struct NestedNames {
    /// Before the audio tower and the projector.
    let inner: String
    /// Before the decoder's layers, and before its head.
    private let text: String, head: String

    /// - Parameters:
    ///   - outer: what stands before all of it.
    ///   - languageModel: what the hub's files write before the decoder's paths.
    init(_ files: HFFolder, outer: String = "", languageModel: String = "language_model.") {
        let nested = files.has(outer + "model.audio_tower.conv1.weight")
        inner = outer + (nested ? "model." : "")
        text = outer + (nested ? "model.language_model." : languageModel + "model.")
        head = outer + (nested ? "" : languageModel)
    }

    /// The name of a decoder parameter's path.
    func decoder(_ path: String) -> String {
        path.hasPrefix("model.") ? text + path.dropFirst("model.".count) : head + path
    }
}
