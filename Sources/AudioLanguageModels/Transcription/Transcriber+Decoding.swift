import MLX

extension Transcriber {
    /// The likeliest tokens of each clip, one after the other, without the marks around them; a clip that turns in a circle is cut
    /// (`RepeatedTokens`).
    ///
    /// - Parameters:
    ///   - heard: the encoder's last states of each clip, [rows, width].
    ///   - limit: tokens of a transcript at most.
    package func decode(
        _ heard: [MLXArray], limit: Int = maximumTokens, shouldStop: () -> Bool = { false }
    ) throws -> [[Int32]] {
        var memory = decoder.memory(of: heard)
        try eval(memory.arrays)
        let cache = KVCache(layers: decoder.config.layers)
        var answers = [[Int32]](repeating: [], count: heard.count)
        var clips = Array(heard.indices), isDone = [Bool](repeating: false, count: heard.count)  // clips: of each row
        var input = MLXArray(heard.flatMap { _ in start }, [heard.count, start.count]), offset = 0
        for step in 0..<limit {
            if shouldStop() { throw CancellationError() }
            let logits = decoder.lastLogits(input, offset: offset, memory, cache: cache)
            var next = (logits + (step == 0 ? firstMask : mask)).argMax()
            try eval([next] + cache.arrays)
            offset += input.dim(1)
            for (clip, id) in zip(clips, try next.asInt32Array()) where !isDone[clip] {
                if id == end {
                    isDone[clip] = true
                } else {
                    answers[clip].append(id)
                    guard let kept = RepeatedTokens.cut(answers[clip]) else { continue }
                    answers[clip].removeLast(answers[clip].count - kept)
                    isDone[clip] = true
                }
            }
            let going = clips.indices.filter { !isDone[clips[$0]] }
            if going.isEmpty { break }
            // Rows that are done cost as much as others; leaving them out copies the rest.
            if going.count * 4 <= clips.count * 3 {
                let rows = MLXArray(going.map(Int32.init))
                clips = going.map { clips[$0] }
                next = next.take(rows)
                memory = memory.kept(rows)
                cache.keep(rows: rows)
            }
            input = next.reshaped([clips.count, 1])
        }
        return answers
    }
}
