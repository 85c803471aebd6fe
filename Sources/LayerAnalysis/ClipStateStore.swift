import Corpora

/// Collects the states of a corpus clip by clip and checks each against the first.
public struct ClipStateStore: Sendable {
    public private(set) var states: [(Utterance, ClipStates)] = []

    public init() {}

    /// - Throws: ``LayerAnalysisError`` naming the clip, when its shape differs from the first's or a value is not finite.
    public mutating func append(_ utterance: Utterance, _ clip: ClipStates) throws {
        try Self.check(utterance, clip, against: states.first?.1 ?? clip)
        states.append((utterance, clip))
    }

    static func check(_ utterance: Utterance, _ clip: ClipStates, against first: ClipStates) throws {
        func check(_ part: String, _ rows: [[Float]], _ expected: [[Float]]) throws {
            let width = expected.first?.count ?? 0
            guard rows.count == expected.count, rows.allSatisfy({ $0.count == width }) else {
                throw LayerAnalysisError(
                    "clip \(utterance.id): \(part) states of \(rows.count) layers, expected \(expected.count) layers of width \(width) "
                        + "as for the first clip")
            }
            if let layer = rows.firstIndex(where: { !$0.allSatisfy(\.isFinite) }) {
                throw LayerAnalysisError(
                    "clip \(utterance.id): \(part) layer \(layer) has a value that is not finite; check the audio and the weights"
                )
            }
        }
        try check("decoder input", [clip.input], [first.input])
        try check("decoder", clip.pooled, first.pooled)
        try check("encoder", clip.encoder, first.encoder)
        let layers = first.pooled.count
        guard [0, layers].contains(clip.lens.count), [0, layers].contains(clip.lensRaw.count) else {
            throw LayerAnalysisError(
                "clip \(utterance.id): logit lens of \(clip.lens.count) layers, expected \(layers) as the decoder or none"
            )
        }
    }
}
