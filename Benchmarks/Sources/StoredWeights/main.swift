// One linear layer, 4096 -> 11008, with its weight stored in each of the kinds that the kernels take: forward, and the
// gradient by its input, for a few numbers of rows. Kinds alternate round by round; prints one JSON line for each number
// of rows, with medians in milliseconds and, for each kind, the ratio of its median to that of f32.
//
//     swift run -c release --package-path Benchmarks StoredWeights [ROUNDS]
import Foundation
import MLX

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
func milliseconds(_ body: () throws -> [MLXArray]) throws -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    try eval(try body())
    return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-6
}

let rounds = max(1, CommandLine.arguments.dropFirst().compactMap { Int($0) }.first ?? 15)
let input = 4096, output = 11008, warmUp = 2
let f32 = MLXArray.normal([output, input], scale: 0.02, seed: 1)
let bf16 = f32.asType(.bfloat16), f16 = f32.asType(.float16)
try eval(f32, bf16, f16)

func stored(bits: Int) throws -> QuantizedWeight {
    var weight = QuantizedWeight(weight: bf16, scales: bf16, biases: bf16, groupSize: 64, bits: bits)
    let time = try milliseconds {
        (weight.weight, weight.scales, weight.biases) = quantized(bf16, groupSize: 64, bits: bits)
        return [weight.weight, weight.scales, weight.biases]
    }
    print("{\"task\": \"quantise\", \"bits\": \(bits), \"ms\": \(Int(time))}")
    return weight
}
let q8 = try stored(bits: 8), q4 = try stored(bits: 4)
let kinds: [(name: String, product: (MLXArray) -> MLXArray)] = [
    ("f32", { Fused.linear($0, f32) }), ("bf16", { Fused.linear($0, bf16) }), ("f16", { Fused.linear($0, f16) }),
    ("q8", { Fused.linear($0, q8) }), ("q4", { Fused.linear($0, q4) }),
]
for rows in [128, 32, 4, 1] {
    let x = MLXArray.normal([rows, input], seed: 2)
    try eval(x)
    var forward = kinds.map { _ in [Double]() }, backward = forward
    for _ in 0..<warmUp + rounds {
        for (i, kind) in kinds.enumerated() {
            forward[i].append(try milliseconds { [kind.product(x)] })
            backward[i].append(
                try milliseconds { try valueAndGrad { (x: [MLXArray]) in kind.product(x[0]).sum() }([x]).1 })
        }
    }
    var line: [String: Any] = ["task": "linear", "rows": rows, "rounds": rounds, "threads": Device.threads]
    for (name, times) in [("forward", forward), ("backward", backward)] {
        let medians = times.map { median(Array($0.dropFirst(warmUp))) }
        for (kind, value) in zip(kinds, medians) {
            line["\(name)_\(kind.name)_ms"] = (value * 10).rounded() / 10
            line["\(name)_\(kind.name)_ratio"] = (value / medians[0] * 100).rounded() / 100
        }
    }
    print(String(decoding: try JSONSerialization.data(withJSONObject: line, options: [.sortedKeys]), as: UTF8.self))
}
