/// How an emotion changes a neutral voice, measured on the 20 actors of RAVDESS that this project uses (each clip
/// against the actor's own neutral of the same text; 40 clips a row and sex).
///
/// These rules make speech for tests and demonstrations with known truth. Accuracy on it is not accuracy on human
/// emotion: for that, train on recordings.
public struct EmotionRule: Sendable, Equatable {
    public enum Intensity: String, Codable, Sendable, CaseIterable { case normal, strong }

    /// Semitones, with the actors' standard deviation.
    public var shift: Double, shiftSD: Double
    /// Change of the 10-90 % span of f0, semitones, and the neutral span.
    public var rangeChange: Double, neutralRange: Double
    /// Semitones over the utterance.
    public var slope: Double
    /// dB, with standard deviation.
    public var level: Double, levelSD: Double
    /// Ratio of the length.
    public var duration: Double
    /// dB of 1-5 kHz over 0.05-1 kHz.
    public var alpha: Double

    private init(
        _ range: Double, _ shift: Double, _ shiftSD: Double, _ rangeChange: Double, _ slope: Double, _ level: Double,
        _ levelSD: Double, _ duration: Double, _ alpha: Double
    ) {
        (self.shift, self.shiftSD, self.rangeChange, neutralRange) = (shift, shiftSD, rangeChange, range)
        (self.slope, self.level, self.levelSD) = (slope, level, levelSD)
        (self.duration, self.alpha) = (duration, alpha)
    }

    /// The row of a value of the category emotion; nil for others. Children take the women's row.
    public static func rule(for emotion: String, sex: Sex, intensity: Intensity) -> EmotionRule? {
        (sex == .male ? men : women)[emotion]?[intensity]
    }

    // shift, sd, change of range, slope, level, sd, duration, alpha
    private static let men: [String: [Intensity: EmotionRule]] = [
        "happy": [
            .normal: EmotionRule(7.0, 3.7, 2.5, 0.5, 1.9, 4.3, 2.6, 1.03, 0.4),
            .strong: EmotionRule(7.0, 10.4, 3.9, 1.0, 3.5, 13.7, 5.0, 1.27, 1.8),
        ],
        "sad": [
            .normal: EmotionRule(7.0, -0.3, 1.8, -1.1, 1.1, -3.0, 3.7, 1.19, -1.0),
            .strong: EmotionRule(7.0, 5.1, 2.9, 0.5, 0.4, 4.4, 4.9, 1.28, -0.6),
        ],
        "angry": [
            .normal: EmotionRule(7.0, 3.7, 3.8, 0.9, 1.1, 8.9, 5.2, 1.19, 2.6),
            .strong: EmotionRule(7.0, 14.4, 4.7, 1.2, 4.5, 24.7, 6.1, 1.24, 5.7),
        ],
        "fearful": [
            .normal: EmotionRule(7.0, 4.1, 3.3, -1.2, 2.2, 3.8, 4.5, 1.18, -0.2),
            .strong: EmotionRule(7.0, 12.7, 4.6, -0.2, 3.2, 16.6, 5.4, 1.26, 3.0),
        ],
        "disgusted": [
            .normal: EmotionRule(7.0, 0.6, 2.9, 2.0, -0.2, 0.9, 3.5, 1.27, 0.4),
            .strong: EmotionRule(7.0, 5.3, 5.5, 3.7, 1.7, 6.5, 5.0, 1.57, 0.2),
        ],
        "surprised": [
            .normal: EmotionRule(7.0, 6.0, 4.2, 2.1, 6.5, 4.4, 3.5, 1.03, 0.0),
            .strong: EmotionRule(7.0, 8.0, 4.3, 3.8, 6.3, 9.5, 3.3, 1.06, 0.8),
        ],
    ]
    private static let women: [String: [Intensity: EmotionRule]] = [
        "happy": [
            .normal: EmotionRule(7.1, 2.6, 2.7, 1.5, -0.5, 7.4, 3.7, 0.99, 3.2),
            .strong: EmotionRule(7.1, 9.4, 5.0, 1.1, 2.9, 17.9, 5.7, 1.09, 7.2),
        ],
        "sad": [
            .normal: EmotionRule(7.1, 0.5, 3.7, -1.7, 2.4, -1.2, 6.0, 1.13, -1.0),
            .strong: EmotionRule(7.1, 6.9, 4.8, -0.7, 5.2, 7.3, 8.3, 1.28, 1.5),
        ],
        "angry": [
            .normal: EmotionRule(7.1, 2.1, 2.9, 1.0, 2.1, 9.2, 4.4, 1.12, 3.3),
            .strong: EmotionRule(7.1, 9.5, 4.7, 1.6, 3.6, 23.3, 5.9, 1.18, 8.2),
        ],
        "fearful": [
            .normal: EmotionRule(7.1, 4.3, 2.6, -1.2, 2.7, 5.7, 5.0, 1.03, 0.0),
            .strong: EmotionRule(7.1, 12.9, 3.6, -0.6, 6.0, 20.8, 7.0, 1.10, 5.8),
        ],
        "disgusted": [
            .normal: EmotionRule(7.1, 0.3, 2.4, -0.3, 2.1, 2.2, 5.8, 1.20, 0.0),
            .strong: EmotionRule(7.1, 3.4, 3.0, 0.0, 4.4, 8.9, 5.4, 1.36, 1.8),
        ],
        "surprised": [
            .normal: EmotionRule(7.1, 3.3, 2.5, 4.2, 5.2, 6.1, 2.9, 0.89, 0.4),
            .strong: EmotionRule(7.1, 6.2, 2.6, 5.3, 6.1, 10.9, 3.3, 1.01, 2.0),
        ],
    ]
}
