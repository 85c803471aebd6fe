import MLX

extension AudioLanguageModel {
    /// Greedy decoding of a batch of prompts: the ids of each answer, without the stop token.
    /// `shouldStop` is asked between tokens.
    public func generate(
        _ prompts: [Prompt], maximumTokens: Int, shouldStop: () -> Bool = { false }
    ) throws -> [[Int32]] {
        guard !prompts.isEmpty, maximumTokens > 0 else { return prompts.map { _ in [] } }
        let batch = PromptBatch(prompts, padding: .left), cache = KVCache(layers: decoder.config.layers)
        var answers = [[Int32]](repeating: [], count: prompts.count)
        var done = [Bool](repeating: false, count: prompts.count)
        var x = decoder(batch.embeddings, batch.positions, cache: cache).slice(batch.length - 1..<batch.length, axis: 1)
        let starts = prompts.map { Int32($0.count) }
        for step in 0..<maximumTokens {
            let next = decoder.logits(x.squeezed(axis: 1)).argMax()
            try eval([next] + cache.arrays)
            let ids = try next.asInt32Array()
            for (i, id) in ids.enumerated() where !done[i] {
                if stopTokens.contains(id) { done[i] = true } else { answers[i].append(id) }
            }
            if shouldStop() || done.allSatisfy({ $0 }) || step == maximumTokens - 1 { break }
            let at = BatchPositions(
                positions: MLXArray(starts.map { $0 + Int32(step) }), first: batch.positions.first, last: nil)
            x = decoder(answerEmbeddings(next).expandedDimensions(axis: 1), at, cache: cache)
        }
        return answers
    }

    /// The greedy answers to any number of prompts, in the order given; prompts of like length are answered together.
    /// - Parameters:
    ///   - batch: prompts of one pass.
    ///   - progress: prompts done, prompts in all.
    ///   - shouldStop: true throws `CancellationError`: half an answer is none.
    public func generate(
        _ prompts: [Prompt], maximumTokens: Int, batch: Int, progress: (Int, Int) -> Void,
        shouldStop: () -> Bool
    ) throws -> [[Int32]] {
        let order = prompts.indices.sorted { (prompts[$0].count, $0) < (prompts[$1].count, $1) }
        var answers = [[Int32]](repeating: [], count: prompts.count)
        for start in stride(from: 0, to: order.count, by: batch) {
            if shouldStop() { throw CancellationError() }
            let part = order[start..<min(start + batch, order.count)]
            let ids = try generate(part.map { prompts[$0] }, maximumTokens: maximumTokens, shouldStop: shouldStop)
            if shouldStop() { throw CancellationError() }
            for (i, answer) in zip(part, ids) { answers[i] = answer }
            progress(min(start + batch, order.count), order.count)
        }
        return answers
    }

    /// Log-likelihood of each continuation after its prompt, summed over tokens, and the number of tokens.
    public func logLikelihoods(_ pairs: [(prompt: Prompt, continuation: [Int32])]) throws -> [(sum: Float, tokens: Int)]
    {
        let whole = pairs.map { appending($0.continuation, to: $0.prompt) }
        let batch = PromptBatch(whole, padding: .right)
        return try logLikelihoods(
            of: pairs.map(\.continuation), in: decoder(batch.embeddings, batch.positions),
            from: pairs.map { $0.prompt.count - 1 })
    }

    /// states [B, T, hidden]: row b predicts its continuation from position `first[b]` on.
    private func logLikelihoods(
        of continuations: [[Int32]], in states: MLXArray, from first: [Int]
    ) throws -> [(sum: Float, tokens: Int)] {
        var rows: [Int32] = [], labels: [Int32] = [], owner: [Int] = []
        for (b, ids) in continuations.enumerated() {
            for (j, id) in ids.enumerated() {
                rows.append(Int32(b * states.dim(1) + first[b] + j))
                labels.append(id)
                owner.append(b)
            }
        }
        guard !rows.isEmpty else { return continuations.map { _ in (0, 0) } }
        let labelled = states.reshaped([-1, states.dim(2)]).take(MLXArray(rows))
        let losses = try Fused.crossEntropy(logits: decoder.logits(labelled), labels: MLXArray(labels)).asArray()
        var sums = [(sum: Float, tokens: Int)](repeating: (0, 0), count: continuations.count)
        for (loss, b) in zip(losses, owner) { sums[b] = (sums[b].sum - loss, sums[b].tokens + 1) }
        return sums
    }

    /// As above for many continuations of one prompt, which is read once. `batchSize` of them are read together.
    public func logLikelihoods(
        of continuations: [[Int32]], after prompt: Prompt, batchSize: Int = 25
    ) throws -> [(sum: Float, tokens: Int)] {
        let past = KVCache(layers: decoder.config.layers), batch = PromptBatch([prompt], padding: .right)
        let last = batch.last(decoder(batch.embeddings, batch.positions, cache: past))
        try eval([last] + past.arrays)
        var found: [(sum: Float, tokens: Int)] = []
        for start in stride(from: 0, to: continuations.count, by: max(1, batchSize)) {
            let part = Array(continuations[start..<min(start + max(1, batchSize), continuations.count)])
            // The last token of each has no successor, and the prompt's end predicts the first.
            let length = max(0, (part.map(\.count).max() ?? 0) - 1), B = part.count
            var states = concatenated(Array(repeating: last.expandedDimensions(axis: 1), count: B))
            if length > 0 {
                let read = part.flatMap { ids in (0..<length).map { $0 < ids.count ? ids[$0] : 0 } }
                let x = decoder(
                    answerEmbeddings(MLXArray(read, [B, length])),
                    BatchPositions(positions: MLXArray(part.map { _ in Int32(prompt.count) })), cache: past.repeated(B))
                states = concatenated([states, x], axis: 1)
            }
            found += try logLikelihoods(of: part, in: states, from: part.map { _ in 0 })
        }
        return found
    }

    /// The prompt followed by text tokens.
    public func appending(_ ids: [Int32], to prompt: Prompt) -> Prompt {
        guard !ids.isEmpty else { return prompt }
        return Prompt(
            inputIDs: prompt.inputIDs + ids, audioMask: prompt.audioMask + ids.map { _ in false },
            embeddings: concatenated([prompt.embeddings, answerEmbeddings(MLXArray(ids))]))
    }
}
