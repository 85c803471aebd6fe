/// Every limit of the readers of this room. They hold before memory is taken and appear in the error texts.
public enum CheckpointLimits {
    /// Length of a safetensors header in bytes: the format's own limit.
    public static let safetensorsHeader = 100_000_000
    /// Nesting of a JSON document. A safetensors header needs three levels, a config file five or six.
    public static let safetensorsDepth = 8
    public static let jsonDepth = 64
    /// Values in one JSON document, so that a header of 100 MB cannot become gigabytes in memory.
    public static let jsonValues = 2_000_000
    /// A configuration or index file.
    public static let jsonFile = 64 << 20
    /// Largest dimension and rank of a tensor.
    public static let dimension = Int(Int32.max)
    public static let rank = 32
    /// Tensors, metadata pairs and array items of a GGUF file; tensors of a CTranslate2 file.
    public static let tensors = 1_000_000
    public static let ggufPairs = 65_536
    public static let ggufItems = 2_000_000
    public static let ggufRank = 4
    /// Shards of a Hugging Face folder.
    public static let shards = 4_096
    /// Files of a directory with a manifest.
    public static let manifestFiles = 100_000
    /// What a write needs on the disk, in percent of its size.
    public static let freeSpacePercent = 110
}
