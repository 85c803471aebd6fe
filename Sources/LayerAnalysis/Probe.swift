import MLX

/// A linear classifier per layer on pooled states, with chance, shuffled-label control and interval.
///
/// Interval: Wilson's with the effective number of clips that the spread over held-out groups implies.
public struct Probe: Sendable {
    public var classifier: LogisticRegression
    /// How many shuffled labellings the control averages over, per split.
    public var controls: Int
    public var seed: UInt64

    public init(classifier: LogisticRegression = LogisticRegression(), controls: Int = 3, seed: UInt64 = 0) {
        self.classifier = classifier
        self.controls = controls
        self.seed = seed
    }

    /// Clips to train on and clips to test on, by index.
    public struct Split: Sendable {
        public var train: [Int]
        public var test: [Int]
        public init(train: [Int], test: [Int]) {
            self.train = train
            self.test = test
        }
    }

    /// - Parameters:
    ///   - groups: the unit that splits hold out; intervals and the control respect it.
    ///   - features: the state of a clip at a layer.
    public func run(
        layers: Int, labels: [Int], groups: [Int], classCount: Int, splits: [Split],
        features: @Sendable (_ layer: Int, _ clip: Int) -> [Float]
    ) throws -> [LayerValue] {
        guard !splits.isEmpty, splits.allSatisfy({ !$0.train.isEmpty && !$0.test.isEmpty }) else {
            throw LayerAnalysisError("probe: a split without training or test clips")
        }
        // Training labels of the control, the same at each layer: [split][control][train clip]. They are permuted among
        // the train groups only and tested against the truth: permuting over both sides would leave the test with just
        // the labels that the train side lacks, and push a control with few groups below chance.
        let shuffled: [[[Int]]] = splits.enumerated().map { s, split in
            (0..<controls).map { c in
                var random = generator(seed, "control", s * 1000 + c)
                return shuffledLabels(
                    split.train.map { labels[$0] }, groups: split.train.map { groups[$0] }, random: &random)
            }
        }
        var tested = [Double](repeating: 0, count: labels.count)
        var tally = [Double](repeating: 0, count: classCount)
        for split in splits {
            for i in split.test {
                tested[i] += 1
                tally[labels[i]] += 1
            }
        }
        let all = tally.reduce(0, +)
        let chance = (tally.max() ?? 0) / all
        let times = tested, perClass = tally
        return try parallelMap(layers) { layer in
            var correct = [Double](repeating: 0, count: labels.count)
            var found = [Double](repeating: 0, count: classCount)
            var controlRight = 0.0, controlAll = 0.0
            for (s, split) in splits.enumerated() {
                let train = try FeatureMatrix(rows: split.train.map { features(layer, $0) })
                let standardiser = Standardiser(fitting: train)
                let test = standardiser.apply(try FeatureMatrix(rows: split.test.map { features(layer, $0) }))
                let design = LogisticRegression.Design(standardiser.apply(train))
                let guesses = try predict(design, test, split.train.map { labels[$0] }, classCount)
                for (i, guess) in zip(split.test, guesses) where guess == labels[i] {
                    correct[i] += 1
                    found[guess] += 1
                }
                for permuted in shuffled[s] {
                    let guesses = try predict(design, test, permuted, classCount)
                    for (i, guess) in zip(split.test, guesses) where guess == labels[i] { controlRight += 1 }
                    controlAll += Double(split.test.count)
                }
            }
            let accuracy = Interval.clustered(correct: correct, tested: times, groups: groups)
            let present = (0..<classCount).filter { perClass[$0] > 0 }
            let recall = present.reduce(0) { $0 + found[$1] / perClass[$1] } / Double(max(present.count, 1))
            return LayerValue(
                layer: layer, value: accuracy.value, low: accuracy.low, high: accuracy.high, chance: chance,
                control: controlAll > 0 ? controlRight / controlAll : nil, recall: recall)
        }
    }

    /// A fold that holds one class only answers with it.
    private func predict(
        _ design: LogisticRegression.Design, _ test: FeatureMatrix, _ labels: [Int], _ classCount: Int
    ) throws -> [Int] {
        let present = Set(labels).sorted()
        guard present.count > 1 else { return Array(repeating: present.first ?? 0, count: test.rows) }
        var compact = [Int](repeating: 0, count: classCount)
        for (c, label) in present.enumerated() { compact[label] = c }
        let model = try classifier.fit(design, labels: labels.map { compact[$0] }, classCount: present.count)
        return model.predictions(test).map { present[$0] }
    }

    /// The splits of `folds`, at most `perClass` training clips of each class, drawn by seed.
    func splits(_ folds: GroupedFolds, labels: [Int], perClass: Int?) -> [Split] {
        (0..<folds.count).map { f in
            var random = generator(seed, "draw", f)
            return Split(train: draw(folds.train(f), labels: labels, perClass: perClass, &random), test: folds.test(f))
        }
    }

    func draw(_ pool: [Int], labels: [Int], perClass: Int?, _ random: inout SeededGenerator) -> [Int] {
        guard let perClass else { return pool }
        var order = pool
        random.shuffle(&order)
        var taken: [Int: Int] = [:]
        return order.filter { i in
            taken[labels[i], default: 0] += 1
            return taken[labels[i], default: 0] <= perClass
        }.sorted()
    }
}
