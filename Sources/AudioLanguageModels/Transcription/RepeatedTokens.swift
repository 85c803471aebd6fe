/// A decoder that turns in a circle says the same few tokens for ever.
package enum RepeatedTokens {
    /// How many of the tokens to keep where their end is one stretch of 1 to 16 tokens said over and over, at least four times and
    /// eight tokens long: up to the end of the first. nil where it is not.
    package static func cut(_ ids: [Int32]) -> Int? {
        for length in 1...16 {
            let copies = max(4, (8 + length - 1) / length), span = copies * length
            guard ids.count >= span else { continue }
            let tail = ids.suffix(span)
            if zip(tail, tail.dropFirst(length)).allSatisfy({ $0 == $1 }) { return ids.count - span + length }
        }
        return nil
    }
}
