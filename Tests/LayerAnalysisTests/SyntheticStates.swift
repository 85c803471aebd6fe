import Corpora
import LayerAnalysis
import MLX

/// States whose truth is known: noise, plus a direction per label in chosen layers.
struct SyntheticStates {
    var layers = 6
    var width = 24
    var random = SeededGenerator(seed: 7)

    mutating func normal() -> Float {
        // The sum of twelve uniform numbers: close enough to a normal one.
        Float((0..<12).reduce(-6.0) { sum, _ in sum + random.uniform() })
    }

    mutating func noise(_ scale: Float = 1) -> [Float] { (0..<width).map { _ in scale * normal() } }

    /// - Parameter signal: layer -> (axis, strength) to add.
    mutating func clip(encoder: Int = 0, _ signal: (Int) -> [(axis: Int, strength: Float)]) -> ClipStates {
        let pooled = (0..<layers).map { layer -> [Float] in
            var state = noise()
            for (axis, strength) in signal(layer) { state[axis % width] += strength }
            return state
        }
        return ClipStates(pooled: pooled, encoder: Array(pooled.prefix(encoder)), lens: [], lensRaw: [], top: 0)
    }
}

func curve(_ name: String, _ values: [Double], halfWidth: Double = 0.04, control: Double? = nil) -> Curve {
    Curve(
        name: name, data: CurveData(n: 100, groups: 50, unit: "texts"),
        layers: values.enumerated().map {
            LayerValue(
                layer: $0.offset, value: $0.element, low: $0.element - halfWidth, high: $0.element + halfWidth,
                control: control)
        })
}
