import Foundation
import MLX

/// Where a curve over the layers steps or bends, or nothing if it does neither.
public struct ChangePoint: Codable, Sendable, Equatable {
    public enum Direction: String, Codable, Sendable { case up, down }
    /// The first layer after the change.
    public var layer: Int
    public var before: Double
    public var after: Double
    /// Share of layer orders, at random, that split as well.
    public var p: Double

    /// The best single mean shift by least squares, if it is one: larger than the intervals' noise, rarer than 5 % among
    /// random orders of the layers, and a better description than a straight line (BIC): a gradual drift is no change point.
    public static func find(
        _ values: [Double], noise: Double, direction: Direction, from first: Int = 0, seed: UInt64 = 0
    ) -> ChangePoint? {
        let y = Array(values.dropFirst(first)).map { direction == .up ? $0 : -$0 }
        guard y.count >= 4, let step = bestSplit(y), step.after - step.before > max(noise, 1e-6) else { return nil }
        let stepScore = score(step.rest, y.count, 3)
        if stepScore > score(lineRest(y), y.count, 2) { return nil }
        var random = generator(seed, "changePoint")
        let draws = 999
        var asGood = 0
        for _ in 0..<draws {
            var order = y
            random.shuffle(&order)
            if let other = bestSplit(order), other.rest <= step.rest * (1 + 1e-12) { asGood += 1 }
        }
        let p = Double(asGood + 1) / Double(draws + 1)
        guard p < 0.05 else { return nil }
        let sign = direction == .up ? 1.0 : -1.0
        return ChangePoint(layer: first + step.at, before: sign * step.before, after: sign * step.after, p: p)
    }

    /// The first layer of a decline that lasts to the end: a plateau that steps or bends down, whichever fits better.
    static func sustainedDecline(_ values: [Double], noise: Double, from first: Int, seed: UInt64) -> Int? {
        let y = Array(values.dropFirst(first))
        guard y.count >= 4 else { return nil }
        let flat = score(rest(y, 0..<y.count), y.count, 1)
        let line = score(lineRest(y), y.count, 2)
        let bend = bestBend(y)
        let step = find(values, noise: noise, direction: .down, from: first, seed: seed)
        let stepRest = bestSplit(y.map { -$0 })?.rest ?? .infinity
        if let bend, bend.fall > max(noise, 1e-6), bend.at >= 1, bend.rest <= stepRest || step == nil {
            let own = score(bend.rest, y.count, 3)
            if own < flat && own < line { return first + bend.at }
        }
        return step?.layer
    }

    /// The first layer of a rise that lasts: from it on, every value is above the level before the change.
    static func sustainedRise(_ values: [Double], noise: Double, seed: UInt64) -> Int? {
        // A step up, or a flat start that bends upwards.
        let onset: Int
        if let step = find(values, noise: noise, direction: .up, seed: seed) {
            onset = step.layer
        } else if let bend = bestBend(values.map { -$0 }), bend.fall > max(noise, 1e-6), bend.at >= 1,
            score(bend.rest, values.count, 3) < score(lineRest(values), values.count, 2)
        {
            onset = bend.at
        } else {
            return nil
        }
        let base = Array(values[..<onset]).sorted()
        let level = base.isEmpty ? 0 : base[base.count / 2]
        let top = values.max() ?? 0
        let threshold = level + max(noise, 0.1 * (top - level))
        var layer = values.count
        while layer > 0, values[layer - 1] > threshold { layer -= 1 }
        return layer < values.count ? layer : nil
    }

    /// Largest drop in squared error by two means, the second the higher.
    private static func bestSplit(_ y: [Double]) -> (at: Int, before: Double, after: Double, rest: Double)? {
        let n = y.count
        let total = y.reduce(0, +), squares = y.reduce(0) { $0 + $1 * $1 }
        var best: (at: Int, before: Double, after: Double, rest: Double)?
        var left = 0.0
        for t in 1..<max(n, 1) {
            left += y[t - 1]
            let a = left / Double(t), b = (total - left) / Double(n - t)
            guard b > a else { continue }
            let rest = max(0, squares - left * a - (total - left) * b)
            if rest < (best?.rest ?? .infinity) { best = (t, a, b, rest) }
        }
        return best
    }

    /// A level until layer at - 1, then a straight line down from it.
    private static func bestBend(_ y: [Double]) -> (at: Int, fall: Double, rest: Double)? {
        let n = y.count
        var best: (at: Int, fall: Double, rest: Double)?
        for t in 1..<max(n - 1, 1) {
            // y = level + slope * max(0, i - (t - 1)): least squares over the ramp.
            let ramp = (0..<n).map { Double(max(0, $0 - (t - 1))) }
            let (slope, rest) = regress(ramp, y)
            guard slope < 0 else { continue }
            if rest < (best?.rest ?? .infinity) { best = (t, -slope * Double(n - t), rest) }
        }
        return best
    }

    private static func regress(_ x: [Double], _ y: [Double]) -> (slope: Double, rest: Double) {
        let mx = mean(x), my = mean(y)
        var xx = 0.0, xy = 0.0, yy = 0.0
        for (a, b) in zip(x, y) {
            xx += (a - mx) * (a - mx)
            xy += (a - mx) * (b - my)
            yy += (b - my) * (b - my)
        }
        return xx > 0 ? (xy / xx, max(0, yy - xy * xy / xx)) : (0, yy)
    }

    private static func lineRest(_ y: [Double]) -> Double { regress(y.indices.map(Double.init), y).rest }

    private static func rest(_ y: [Double], _ range: Range<Int>) -> Double {
        let m = mean(Array(y[range]))
        return y[range].reduce(0) { $0 + ($1 - m) * ($1 - m) }
    }

    /// Bayesian information criterion; a thousandth is the finest difference that counts.
    private static func score(_ rest: Double, _ n: Int, _ parameters: Double) -> Double {
        Double(n) * log(max(rest / Double(n), 1e-6)) + parameters * log(Double(n))
    }
}
