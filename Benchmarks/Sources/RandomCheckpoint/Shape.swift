/// The sizes of a published model's decoder.
struct Shape {
    enum Family { case qwen2Audio, qwen25Omni, kimiAudio }
    var family: Family
    var width: Int, layers: Int, heads: Int, groups: Int, inner: Int, vocabulary: Int, eps: Double, theta: Int

    static let known = [
        "qwen2-audio-7b": Shape(
            family: .qwen2Audio, width: 4096, layers: 32, heads: 32, groups: 32, inner: 11_008, vocabulary: 156_032,
            eps: 1e-5, theta: 10_000),
        "qwen2.5-omni-7b": Shape(
            family: .qwen25Omni, width: 3584, layers: 28, heads: 28, groups: 4, inner: 18_944, vocabulary: 152_064,
            eps: 1e-6, theta: 1_000_000),
        "qwen2.5-omni-3b": Shape(
            family: .qwen25Omni, width: 2048, layers: 36, heads: 16, groups: 2, inner: 11_008, vocabulary: 151_936,
            eps: 1e-6, theta: 1_000_000),
        "kimi-audio-7b": Shape(
            family: .kimiAudio, width: 3584, layers: 28, heads: 28, groups: 4, inner: 18_944, vocabulary: 168_448,
            eps: 1e-6, theta: 1_000_000),
    ]
}
