/// Mono samples in -1...1 at a known rate.
public struct Waveform: Sendable, Equatable {
    public var samples: [Float]
    public var sampleRate: Int
    public init(samples: [Float], sampleRate: Int) {
        self.samples = samples
        self.sampleRate = sampleRate
    }
    public var seconds: Double { Double(samples.count) / Double(sampleRate) }
}
