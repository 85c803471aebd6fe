import AudioLanguageModels
import MLX

extension Alignment {
    /// voice = level x norm x sum over k of d_k (p_k . (s - mean)) / sqrt(sigma_k x sum of sigma): p_k the main directions of
    /// the clips' early encoder statistics, sigma_k their deviations, d_k the main directions of the token embeddings behind
    /// the first: the LLM is used to energy there. In directions in which its embeddings hardly vary, a voice of half a
    /// token's length drowned the words, and on the very first it lies where words differ most. A direction's share of the
    /// mean square length is sigma_k / sum of sigma: with even shares the many later ones, which have emotion, leave too
    /// little for age and sex in the first; with sigma_k squared it is the other way round (docs/NOTEBOOK.md).
    func setVoice(of projector: SmolProjector, from voices: [[Float]]) throws {
        let n = voices.count, D = voices[0].count, k = min(options.voiceDimensions, D, n)
        let S = MLXArray(voices.flatMap { $0 }, [n, D])
        let mean = S.mean(axes: [0])
        let centred = S - mean
        let covariance = matmul(centred.T, centred) / Float(n)
        let (p, variances) = try Directions.leading(covariance, count: k, iterations: 60, seed: options.seed)
        let E = model.decoder.embedTokens.weight
        let tokens = E - E.mean(axes: [0])
        let spread = matmul(tokens.T, tokens) / Float(E.dim(0))
        let width = E.dim(1)
        let skipped = min(options.wordDirections, max(0, E.dim(1) - k))
        let d = try Directions.leading(spread, count: skipped + k, iterations: 300, seed: options.seed)
            .vectors.suffix(k)
        let norm = try sqrt(E.square().sum(axes: [1])).mean().item()
        let deviations = variances.map { max($0, 1e-12).squareRoot() }
        let total = deviations.reduce(0, +)
        let scaled = zip(p, deviations).map { row, deviation in
            let gain = options.voiceLevel * norm / (deviation * total).squareRoot()
            return row.map { $0 * gain }
        }
        projector.voiceMean = mean
        projector.voiceWeight = matmul(
            MLXArray(d.flatMap { $0 }, [k, width]).T, MLXArray(scaled.flatMap { $0 }, [k, D]))
        try eval(projector.voiceMean, projector.voiceWeight)
    }
}
