// One PE-FT step of the embedded model at fixed shapes: 20 prompt + 37 audio + 40 response positions, batch 8, LoRA r 8 on
// all linear modules of layers 0-14, category head and attribute heads on layer 14, AdamW. Prints one JSON line; compare it
// with a peer's by alternating both, as a ratio of medians.
//
//     swift run -c release --package-path Benchmarks TrainingStep [STEPS] [LAST-LAYER]
import AudioLanguageModels
import Corpora
import FineTuning
import Foundation
import MLX

func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let steps = max(1, arguments.first ?? 5), lastLayer = arguments.dropFirst().first ?? 14
let model = try ModelRegistry.load("smol")
let width = model.decoder.config.hiddenSize, audio = 37, before = 12, after = 8, response = 40
var generator = SeededGenerator(seed: 1)

let table = try model.decoder.embedTokens(MLXArray((0..<64).map { Int32(100 + $0) })).asArray()
let answer = (0..<response).map { Int32(200 + $0 * 7) }
let examples = try (0..<8 * (steps + 2)).map { i -> Example in
    let ids = (0..<before + audio + after).map { Int32(100 + ($0 + i) % 64) }
    let mask = ids.indices.map { (before..<before + audio).contains($0) }
    let rows = ids.flatMap { id in table[(Int(id) - 100) * width..<(Int(id) - 99) * width] }
    let noise = rows.map { $0 + Float(generator.uniform() - 0.5) * 0.02 }
    let prompt = Prompt(inputIDs: ids, audioMask: mask, embeddings: MLXArray(noise, [ids.count, width]))
    let category = Category.allCases[i % 3]
    return Example(
        id: "\(i)", prompt: prompt, answer: answer, category: category, attribute: i % category.attributes.count)
}
var config = FineTuneConfig()
config.lastLayer = lastLayer
config.steps = steps + 2
let trainer = try Trainer(model: model, examples: examples, config: config)
var wall: [Double] = [], cpu: [Double] = [], losses: [Float] = []
for _ in 0..<steps + 2 {
    let start = DispatchTime.now().uptimeNanoseconds, used = cpuSeconds()
    let metrics = try trainer.train()
    wall.append(Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9)
    cpu.append(cpuSeconds() - used)
    losses.append(metrics.loss)
}
let line: [String: Any] = [
    "task": "finetune-step", "engine": "resurface", "layers": "0-\(lastLayer)", "batch": 8, "threads": Device.threads,
    "step_s": median(Array(wall.dropFirst(2))), "step_s_min": wall.dropFirst(2).min() ?? 0,
    "step_cpu_s": median(Array(cpu.dropFirst(2))), "losses": losses.map { Double($0) },
    "peak_mlx_mb": Memory.peak >> 20,
]
print(String(decoding: try JSONSerialization.data(withJSONObject: line, options: [.sortedKeys]), as: UTF8.self))
