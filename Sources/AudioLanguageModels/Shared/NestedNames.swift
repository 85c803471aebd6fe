import Checkpoints

/// Names of tensors of a model with an `audio_tower` and a `language_model`: in files of the hub, and of a state saved with the
/// module paths of HF 5.
struct NestedNames {
    /// Before the audio tower and the projector.
    let inner: String
    init(_ files: HFFolder) { inner = files.has("model.audio_tower.conv1.weight") ? "model." : "" }
    /// The name of a decoder parameter's path.
    func decoder(_ path: String) -> String {
        guard !inner.isEmpty else { return "language_model." + path }
        return path.hasPrefix("model.") ? "model.language_model." + path.dropFirst("model.".count) : path
    }
}
