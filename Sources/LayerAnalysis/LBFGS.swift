/// Limited-memory BFGS (Nocedal & Wright, algorithms 7.4, 7.5 and 3.5-3.6) for smooth convex objectives.
struct LBFGS {
    var history = 12
    var maxIterations = 1000
    /// Stop when no component of the gradient is larger.
    var tolerance = 1e-4
    /// Relative rounding of the objective's value: below it a decrease cannot be told from noise.
    var rounding = 1e-7

    struct Result {
        var x: [Double]
        var iterations: Int
        var converged: Bool
    }

    /// - Parameter objective: writes the gradient at a point and returns the value.
    func minimise(from start: [Double], _ objective: (_ x: [Double], _ gradient: inout [Double]) -> Double) -> Result {
        var x = start
        var gradient = [Double](repeating: 0, count: x.count)
        var value = objective(x, &gradient)
        var pairs: [(s: [Double], y: [Double], rho: Double)] = []
        var trial = x, trialGradient = gradient
        var iteration = 0
        while iteration < maxIterations {
            if largest(gradient) <= tolerance { return Result(x: x, iterations: iteration, converged: true) }
            var direction = descent(gradient, pairs)
            var slope = dot(direction, gradient)
            if slope >= 0 {
                pairs.removeAll()
                direction = gradient.map { -$0 }
                slope = -dot(gradient, gradient)
            }
            var step = 1.0
            if pairs.isEmpty { step = min(1, 1 / (-slope).squareRoot()) }
            let found = search(
                from: x, value: value, slope: slope, direction: direction, step: step, trial: &trial,
                gradient: &trialGradient,
                objective)
            guard let found else {
                // Precision is used up along this direction: try steepest descent once, then accept the point.
                if pairs.isEmpty { break }
                pairs.removeAll()
                continue
            }
            var s = trial, y = trialGradient
            for i in s.indices {
                s[i] -= x[i]
                y[i] -= gradient[i]
            }
            let curvature = dot(s, y)
            if curvature > 1e-12 * dot(y, y) {
                if pairs.count == history { pairs.removeFirst() }
                pairs.append((s, y, 1 / curvature))
            }
            swap(&x, &trial)
            swap(&gradient, &trialGradient)
            value = found
            iteration += 1
        }
        return Result(x: x, iterations: iteration, converged: largest(gradient) <= tolerance)
    }

    /// The two-loop recursion: minus the inverse Hessian's estimate times the gradient.
    private func descent(_ gradient: [Double], _ pairs: [(s: [Double], y: [Double], rho: Double)]) -> [Double] {
        var q = gradient
        var alphas = [Double](repeating: 0, count: pairs.count)
        for i in pairs.indices.reversed() {
            alphas[i] = pairs[i].rho * dot(pairs[i].s, q)
            add(-alphas[i], pairs[i].y, to: &q)
        }
        if let last = pairs.last {
            let gamma = 1 / (last.rho * dot(last.y, last.y))
            for i in q.indices { q[i] *= gamma }
        }
        for i in pairs.indices {
            let beta = pairs[i].rho * dot(pairs[i].y, q)
            add(alphas[i] - beta, pairs[i].s, to: &q)
        }
        for i in q.indices { q[i] = -q[i] }
        return q
    }

    /// Strong Wolfe line search: doubles the step until a minimum is bracketed, then bisects by cubic interpolation.
    private func search(
        from x: [Double], value: Double, slope: Double, direction: [Double], step first: Double, trial: inout [Double],
        gradient: inout [Double], _ objective: ([Double], inout [Double]) -> Double
    ) -> Double? {
        let sufficient = 1e-4, curvature = 0.9
        let noise = rounding * max(abs(value), 1e-3)
        var low = (step: 0.0, value: value, slope: slope)
        var high: (step: Double, value: Double, slope: Double)?
        var step = first
        for _ in 0..<40 {
            for i in x.indices { trial[i] = x[i] + step * direction[i] }
            let v = objective(trial, &gradient)
            let g = dot(gradient, direction)
            // Within rounding of the start, the slope alone decides (Hager & Zhang's approximate Wolfe condition).
            let decreased = v <= value + sufficient * step * slope || (v <= value + noise && g <= 0.8 * abs(slope))
            if decreased && abs(g) <= curvature * abs(slope) { return v }
            let point = (step: step, value: v, slope: g)
            if !decreased || !v.isFinite || (low.step > 0 && v >= low.value + noise) {
                high = point
            } else if let bound = high {
                if g * (bound.step - low.step) >= 0 { high = low }
                low = point
            } else if g >= 0 {
                high = low
                low = point
            } else {
                low = point
            }
            guard let bound = high else {
                step *= 2
                continue
            }
            let width = abs(bound.step - low.step)
            if width <= 1e-14 * max(1, step) { return nil }
            step = cubicMinimum(low, bound)
            let left = min(low.step, bound.step) + 0.1 * width, right = max(low.step, bound.step) - 0.1 * width
            if !step.isFinite || step < left || step > right { step = (low.step + bound.step) / 2 }
        }
        return nil
    }

    private func cubicMinimum(
        _ a: (step: Double, value: Double, slope: Double), _ b: (step: Double, value: Double, slope: Double)
    ) -> Double {
        let d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step)
        let inside = d1 * d1 - a.slope * b.slope
        guard inside >= 0 else { return .nan }
        let d2 = (b.step > a.step ? 1.0 : -1.0) * inside.squareRoot()
        return b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2)
    }

    private func dot(_ a: [Double], _ b: [Double]) -> Double {
        a.withUnsafeBytes { a in
            b.withUnsafeBytes { b in
                guard let p = a.baseAddress, let q = b.baseAddress else { return 0 }
                return MatrixProducts.dot(p, q, doubles: a.count / 8)
            }
        }
    }

    private func add(_ scale: Double, _ a: [Double], to b: inout [Double]) {
        a.withUnsafeBufferPointer { a in
            b.withUnsafeMutableBufferPointer { b in
                for i in 0..<min(a.count, b.count) { b[i] += scale * a[i] }
            }
        }
    }

    private func largest(_ a: [Double]) -> Double { a.reduce(0) { max($0, abs($1)) } }
}
