/// Splits for data sets that have none of their own: a speaker is in one only, so that test voices are unheard.
///
/// Speakers are put in order of their names, the genders mixed evenly. The first 70 % train; of the rest the first half
/// validates and the others test. The same speakers always give the same splits.
enum SpeakerSplits {
    /// By speaker, for the clips whose split is open. Where other clips of the speaker have a split, it is that one.
    static func splits(of clips: [ImportClip]) -> [String: Split] {
        var splits: [String: Split] = [:], genders: [String: String] = [:]
        for clip in clips where !clip.splitBySpeaker {
            splits[clip.utterance.speaker] = splits[clip.utterance.speaker] ?? clip.utterance.split
        }
        for clip in clips where clip.splitBySpeaker && splits[clip.utterance.speaker] == nil {
            let utterance = clip.utterance
            genders[utterance.speaker] =
                utterance.voice?["gender"] ?? (utterance.category == .gender ? utterance.attribute : nil) ?? ""
        }
        let order = mixed(genders)
        let train = max(1, Int((0.7 * Double(order.count)).rounded()))
        let validation = (order.count - train) / 2
        for (index, speaker) in order.enumerated() {
            splits[speaker] = index < train ? .train : index < train + validation ? .validation : .test
        }
        return splits
    }

    /// Names so that each stretch has about the same share of each gender.
    private static func mixed(_ genders: [String: String]) -> [String] {
        var ranked: [(rank: Double, name: String)] = []
        for (_, group) in Dictionary(grouping: genders.keys, by: { genders[$0] ?? "" }) {
            for (index, name) in group.sorted().enumerated() {
                ranked.append(((Double(index) + 0.5) / Double(group.count), name))
            }
        }
        return ranked.sorted { ($0.rank, $0.name) < ($1.rank, $1.name) }.map(\.name)
    }
}
