// How well and how fast the transcriber hears clips of a corpus: one JSON line for each way of hearing (2 s of silence behind a
// clip, silence up to 30 s, and others), with word error rate, its interval over texts, and milliseconds a clip, reading excluded.
//
//     swift run -c release --package-path Benchmarks TranscriptPadding CORPUS [CLIPS] [BATCH]
import AudioLanguageModels
import Corpora
import Evaluation
import Foundation
import MLX
import Speech

let arguments = CommandLine.arguments
guard arguments.count > 1 else { fatalError("expected a corpus folder") }
let corpus = try Corpus.load(URL(fileURLWithPath: arguments[1], isDirectory: true))
let wanted = arguments.count > 2 ? Int(arguments[2]) ?? 300 : 300,
    batch = arguments.count > 3 ? Int(arguments[3]) ?? 64 : 64
// Not every nth: voices take turns in a built corpus.
var picked = corpus.utterances, generator = SeededGenerator(seed: 1)
generator.shuffle(&picked)
picked = Array(picked.prefix(wanted))
let clips = try picked.map { (utterance: $0, sound: try AudioFile.read(corpus.url(of: $0))) }
    .sorted { $0.sound.samples.count < $1.sound.samples.count }
let transcriber = try Transcriber(folder: TranscriberSetup.folder)

let ways: [(String, Transcriber.Hearing)] = [
    ("none", .init()), ("half a second more", .init(trailing: 0.5)), ("1 s more", .init(trailing: 1)),
    ("2 s more (quick)", .quick), ("3 s more", .init(trailing: 3)), ("to 10 s", .init(atLeast: 10)),
    ("to 30 s (whole)", .whole),
]
for (name, hearing) in ways {
    var found: [(rate: WordErrorRate, group: String)] = [], over = 0
    let start = Date()
    for first in Swift.stride(from: 0, to: clips.count, by: batch) {
        let part = clips[first..<min(first + batch, clips.count)]
        let texts = try transcriber.transcribe(part.map(\.sound), hearing: hearing)
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
