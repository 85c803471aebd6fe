import MLX
import MLXNN

/// From a token's letters to a vector for its sound: two convolutions over the letters, their sum, a linear layer.
///
/// Token embeddings lie by meaning, and words that sound alike far apart, so that a projector that is compared with these alone has
/// to learn each word by heart: those of four to ten occurrences it got wrong in 70 % of cases, on texts it was trained on, too
/// (docs/NOTEBOOK.md, 2026-11-28). By its letters a rare word lies near what sounds like it, as in acoustically grounded word
/// embeddings (Settle et al., arXiv 1903.12306).
final class SmolProjectorSpelling: Module {
    /// The start of a word, a to z, apostrophe, digits, anything else.
    static let alphabet = 39
    /// Letters of a token that count; few have more.
    static let length = 12
    static let innerWidth = 192
    static let width = 192

    @ModuleInfo var conv1: Linear
    @ModuleInfo var conv2: Linear
    @ModuleInfo(key: "layer_norm") var norm: LayerNorm
    @ModuleInfo var out: Linear

    init(seed: UInt64) {
        conv1 = Linear(3 * Self.alphabet, Self.innerWidth, seed: seed &+ 1)
        conv2 = Linear(3 * Self.innerWidth, Self.innerWidth, seed: seed &+ 2)
        _norm.wrappedValue = LayerNorm(Self.innerWidth)
        out = Linear(Self.innerWidth, Self.width, seed: seed &+ 3)
    }

    /// One-hot letters [pieces, letters of the longest, alphabet] of pieces as a byte-level vocabulary writes them; zeros past a
    /// piece's end.
    static func letters(of pieces: [String]) -> MLXArray {
        let length = pieces.map(count).max() ?? 1
        var values = [Float](repeating: 0, count: pieces.count * length * alphabet)
        for (row, piece) in pieces.enumerated() {
            for (i, scalar) in piece.unicodeScalars.prefix(length).enumerated() {
                let letter =
                    switch scalar {
                    case "\u{120}": 0
                    case "a"..."z": 1 + Int(scalar.value) - 97
                    case "A"..."Z": 1 + Int(scalar.value) - 65
                    case "'": 27
                    case "0"..."9": 28 + Int(scalar.value) - 48
                    default: 38
                    }
                values[(row * length + i) * alphabet + letter] = 1
            }
        }
        return MLXArray(values, [pieces.count, length, alphabet])
    }

    /// Letters of a piece that count; an empty one has a place for none.
    private static func count(_ piece: String) -> Int { max(1, min(length, piece.unicodeScalars.count)) }

    /// The vectors [pieces, width] of a whole vocabulary. Pieces of one length at a time: half of the work would be the padding
    /// behind short ones.
    func vectors(of pieces: [String]) throws -> MLXArray {
        let groups = Dictionary(grouping: pieces.indices) { Self.count(pieces[$0]) }.sorted { $0.key < $1.key }.map(
            \.value)
        let parts = try groups.map { group in
            let part = self(Self.letters(of: group.map { pieces[$0] }))
            try eval(part)
            return part
        }
        var place = [Int32](repeating: 0, count: pieces.count)
        for (row, index) in groups.joined().enumerated() { place[index] = Int32(row) }
        return concatenated(parts).take(MLXArray(place))
    }

    /// letters [n, length, alphabet] -> [n, width].
    func callAsFunction(_ letters: MLXArray) -> MLXArray {
        let mask = letters.sum(axes: [2], keepDims: true)
        let h = Fused.gelu(conv1(SmolProjector.neighbours(letters))) * mask
        let deep = (h + Fused.gelu(conv2(SmolProjector.neighbours(h)))) * mask
        return out(norm(deep.sum(axes: [1])))
    }
}
