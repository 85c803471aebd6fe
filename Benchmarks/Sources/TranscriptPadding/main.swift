// How well and how fast the transcriber hears clips of a corpus with silence added behind them, or cut at their ends: one JSON
// line for each way, with word error rate, its interval over texts, and seconds a clip (reading excluded).
//
//     swift run -c release --package-path Benchmarks TranscriptPadding CORPUS [CLIPS] [BATCH]
import AudioLanguageModels
import Corpora
import Evaluation
import Foundation
import Speech

let arguments = CommandLine.arguments
guard arguments.count > 1 else { fatalError("expected a corpus folder") }
let corpus = try Corpus.load(URL(fileURLWithPath: arguments[1], isDirectory: true))
let wanted = arguments.count > 2 ? Int(arguments[2]) ?? 300 : 300,
    batch = arguments.count > 3 ? Int(arguments[3]) ?? 32 : 32
let step = max(1, corpus.utterances.count / wanted)
let picked = stride(from: 0, to: corpus.utterances.count, by: step).map { corpus.utterances[$0] }
let clips = try picked.map { (utterance: $0, sound: try AudioFile.read(corpus.url(of: $0))) }
    .sorted { $0.sound.samples.count < $1.sound.samples.count }
let transcriber = try Transcriber(folder: TranscriberSetup.folder)

func padded(_ sound: Waveform, trailing: Double, minimum: Double) -> Waveform {
    let rate = Double(sound.sampleRate)
    let count = max(sound.samples.count + Int(trailing * rate), Int(minimum * rate))
    return Waveform(
        samples: sound.samples + [Float](repeating: 0, count: count - sound.samples.count), sampleRate: sound.sampleRate
    )
}

for (name, trailing, minimum) in [
    ("none", 0.0, 0.0), ("half a second more", 0.5, 0), ("1 s more", 1, 0), ("2 s more", 2, 0), ("to 5 s", 0, 5),
    ("to 10 s", 0, 10), ("to 30 s", 0, 30), ("none again", 0, 0),
] {
    var found: [(rate: WordErrorRate, group: String)] = [], over = 0
    let start = Date()
    for first in Swift.stride(from: 0, to: clips.count, by: batch) {
        let part = clips[first..<min(first + batch, clips.count)]
        let texts = try transcriber.transcribe(part.map { padded($0.sound, trailing: trailing, minimum: minimum) })
        for (clip, text) in zip(part, texts) {
            let rate = CorpusVerifier.rate(text: clip.utterance.text, transcript: text)
            if rate.rate ?? 0 > 0.5 { over += 1 }
            found.append((rate, clip.utterance.textGroup))
        }
    }
    let seconds = Date().timeIntervalSince(start)
    let line: [String: Any] = [
        "padding": name, "clips": clips.count, "wordErrors": WordErrorFigures(found)?.line ?? "no words",
        "over .5": over,
        "milliseconds a clip": (seconds / Double(clips.count) * 10_000).rounded() / 10,
    ]
    print(String(decoding: try JSONSerialization.data(withJSONObject: line, options: [.sortedKeys]), as: UTF8.self))
}
