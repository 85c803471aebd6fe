import AudioLanguageModels
import Checkpoints
import Foundation
import MLX
import MLXNN

/// LoRA on all linear modules of a range of decoder layers, and on nothing else: modules are reached through the layers
/// themselves, never by searching names, which also occur in audio towers and side branches.
public enum Adapters {
    /// The linear modules of one layer, in the order in which they are adapted.
    public static let modules = [
        "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj",
        "mlp.down_proj",
    ]

    public struct Adapted {
        /// As in the checkpoint: `model.layers.3.self_attn.q_proj`.
        public let path: String
        public let layer: LoRALinear
    }

    /// Puts LoRA layers into the range and returns exactly them. Everything else of the decoder is frozen.
    public static func attach(
        to decoder: Decoder, layers: ClosedRange<Int>, rank: Int, alpha: Float, seed: UInt64
    ) throws -> [Adapted] {
        guard layers.lowerBound >= 0, layers.upperBound < decoder.layers.count else {
            throw FineTuningError(
                "layers \(layers.lowerBound)-\(layers.upperBound): the model has \(decoder.layers.count)")
        }
        let paths = layers.flatMap { l in modules.map { "model.layers.\(l).\($0)" } }
        return try attach(to: decoder, paths: Set(paths), rank: rank, alpha: alpha, seed: seed)
    }

    /// The same for single modules by path: adapters made elsewhere need not hold all of a layer's.
    static func attach(
        to decoder: Decoder, paths: Set<String>, rank: Int, alpha: Float, seed: UInt64
    ) throws -> [Adapted] {
        detach(from: decoder)
        decoder.freeze()
        var generator = SeededGenerator(seed: seed), adapted: [Adapted] = []
        for (l, layer) in decoder.layers.enumerated() {
            func wrap(_ linear: Linear, _ name: String) -> Linear {
                guard paths.contains("model.layers.\(l).\(name)") else { return linear }
                let lora = LoRALinear(linear, rank: rank, alpha: alpha, seed: generator.next())
                adapted.append(Adapted(path: "model.layers.\(l).\(name)", layer: lora))
                return lora
            }
            layer.attention.query = wrap(layer.attention.query, modules[0])
            layer.attention.key = wrap(layer.attention.key, modules[1])
            layer.attention.value = wrap(layer.attention.value, modules[2])
            layer.attention.output = wrap(layer.attention.output, modules[3])
            layer.mlp.gate = wrap(layer.mlp.gate, modules[4])
            layer.mlp.up = wrap(layer.mlp.up, modules[5])
            layer.mlp.down = wrap(layer.mlp.down, modules[6])
        }
        let trainable = decoder.namedParameters().filter(\.parameter.isTrainable).map(\.path).sorted()
        let expected = adapted.flatMap { ["\($0.path).lora_A.weight", "\($0.path).lora_B.weight"] }.sorted()
        guard trainable == expected, adapted.count == paths.count else {
            let odd = paths.subtracting(adapted.map(\.path)).sorted().first ?? trainable.first ?? ""
            throw FineTuningError(
                "module \(odd) is not a linear module of this decoder's \(decoder.layers.count) layers")
        }
        return adapted
    }

    /// Takes every LoRA layer out again: the base model as it was, the very layers.
    public static func detach(from decoder: Decoder) {
        func plain(_ linear: Linear) -> Linear { (linear as? LoRALinear)?.base ?? linear }
        for layer in decoder.layers {
            layer.attention.query = plain(layer.attention.query)
            layer.attention.key = plain(layer.attention.key)
            layer.attention.value = plain(layer.attention.value)
            layer.attention.output = plain(layer.attention.output)
            layer.mlp.gate = plain(layer.mlp.gate)
            layer.mlp.up = plain(layer.mlp.up)
            layer.mlp.down = plain(layer.mlp.down)
        }
    }
}
