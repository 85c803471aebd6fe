import Foundation

/// A sparse vector: term numbers in rising order and their weights.
struct SparseVector: Sendable {
    var terms: [Int] = []
    var weights: [Double] = []

    func dot(_ other: SparseVector) -> Double {
        var sum = 0.0
        var i = 0
        var j = 0
        while i < terms.count, j < other.terms.count {
            if terms[i] == other.terms[j] {
                sum += weights[i] * other.weights[j]
                i += 1
                j += 1
            } else if terms[i] < other.terms[j] {
                i += 1
            } else {
                j += 1
            }
        }
        return sum
    }
}

/// TF-IDF over stemmed words and word pairs: (1 + log tf) * (1 + log((1 + N) / (1 + df))), of length 1.
struct TermVectors: Sendable {
    private let number: [String: Int]
    private let inverseFrequency: [Double]

    /// Number of terms; a vector's terms are below it.
    var count: Int { inverseFrequency.count }

    /// - Parameter minimum: terms of fewer documents are left out: they only name a document.
    init(documents: [String], minimum: Int) {
        var frequency: [String: Int] = [:]
        for document in documents {
            for term in Set(Self.terms(document)) { frequency[term, default: 0] += 1 }
        }
        // Sorted, so that the numbers and every sum over them are the same in each process.
        let kept = frequency.filter { $0.value >= minimum }.sorted { $0.key < $1.key }
        number = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1.key, $0) })
        let total = Double(documents.count)
        inverseFrequency = kept.map { 1 + log((1 + total) / (1 + Double($0.value))) }
    }

    func vector(_ text: String) -> SparseVector {
        var tally: [Int: Int] = [:]
        for term in Self.terms(text) {
            if let term = number[term] { tally[term, default: 0] += 1 }
        }
        var vector = SparseVector()
        var square = 0.0
        for (term, count) in tally.sorted(by: { $0.key < $1.key }) {
            let weight = (1 + log(Double(count))) * inverseFrequency[term]
            vector.terms.append(term)
            vector.weights.append(weight)
            square += weight * weight
        }
        guard square > 0 else { return vector }
        let length = square.squareRoot()
        for index in vector.weights.indices { vector.weights[index] /= length }
        return vector
    }

    /// Words of grammar: in a hundred short references they stand more often beside one attribute by chance.
    private static let common = Set(
        """
        a an the this that these those it its of to in on at by for from with as and or but if so than then too very is are
        was were be been being am do does did have has had can could will would shall should may might must not no i i'm i'd
        i'll me my you you're you'll your he she they them their we us our what which who when where how why there here it's
        that's don't all any some more most much many one such only also just into out up down about over after before
        """.split(whereSeparator: \.isWhitespace).map { ResponseForm.stem(String($0)) })

    private static func terms(_ text: String) -> [String] {
        let stems = ResponseForm.words(text).map(ResponseForm.stem)
        let pairs = zip(stems, stems.dropFirst()).filter { !(common.contains($0) && common.contains($1)) }
        return stems.filter { !common.contains($0) } + pairs.map { $0 + " " + $1 }
    }
}
