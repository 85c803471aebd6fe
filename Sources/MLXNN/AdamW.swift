import Foundation
import MLX

/// AdamW (Loshchilov & Hutter; torch.optim.AdamW's arithmetic and defaults) over a fixed list of f32 parameters.
public final class AdamW {
    public var betas: (Float, Float) = (0.9, 0.999)
    public var eps: Float = 1e-8
    public var weightDecay: Float
    /// Steps taken so far.
    public var step = 0
    /// First and second moments, in the order of the parameters.
    public private(set) var m: [MLXArray], v: [MLXArray]

    public init(_ parameters: [MLXArray], weightDecay: Float = 0.01) throws {
        self.weightDecay = weightDecay
        m = parameters.map { .zeros($0.shape) }
        v = parameters.map { .zeros($0.shape) }
        try eval(m + v)
    }

    /// In place: `parameters` must be evaluated, and nothing lazy may still refer to them.
    public func update(_ parameters: [MLXArray], gradients: [MLXArray], learningRate: Float) throws {
        step += 1
        try Fused.adamW(
            parameters, gradients: gradients, m: m, v: v, learningRate: learningRate, step: step, betas: betas,
            eps: eps,
            weightDecay: weightDecay)
    }

    /// Takes over the state of a checkpoint. Shapes must agree.
    public func restore(step: Int, m: [MLXArray], v: [MLXArray]) throws {
        guard m.map(\.shape) == self.m.map(\.shape), v.map(\.shape) == self.v.map(\.shape) else {
            throw ModuleError("the optimiser's state has other shapes than its parameters")
        }
        try eval(m + v)
        (self.step, self.m, self.v) = (step, m, v)
    }
}

/// Linear warm-up from 0, then a cosine to 0 at the last step.
public struct WarmupCosine: Sendable {
    public let peak: Float, warmup: Int, total: Int
    public init(peak: Float, warmup: Int, total: Int) {
        self.peak = peak
        self.warmup = warmup
        self.total = total
    }
    /// For steps 1 ... total.
    public func callAsFunction(_ step: Int) -> Float {
        if step <= warmup { return peak * Float(step) / Float(Swift.max(1, warmup)) }
        let done = Float(step - warmup) / Float(Swift.max(1, total - warmup))
        return peak * 0.5 * (1 + Foundation.cos(Float.pi * Swift.min(1, done)))
    }
}

/// The gradients' common norm, and the gradients scaled down to `maximum` where it is larger (torch's clip_grad_norm_).
public func clipped(_ gradients: [MLXArray], maximum: Float) -> (norm: MLXArray, gradients: [MLXArray]) {
    let squares = gradients.map { $0.square().sum() }
    let norm = sqrt(stacked(squares).sum())
    let scale = minimum(MLXArray(1), MLXArray(maximum) / (norm + 1e-6))
    return (norm, gradients.map { $0 * scale })
}
