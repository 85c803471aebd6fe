extension PEFTAdapter.Config {
    init(_ object: JSONObject) throws {
        _ = try object.string("peft_type", oneOf: ["LORA"])
        for key in ["use_dora", "use_rslora", "fan_in_fan_out"] where try object.bool(key, default: false) {
            throw object.wrong(key, "false (this kind of adapter is not read)", .bool(true))
        }
        if try object.string("bias", default: "none") != "none" {
            throw object.wrong("bias", "\"none\"", object.value("bias") ?? .null)
        }
        for key in ["rank_pattern", "alpha_pattern"] {
            if let inner = try object.optionalObject(key), !inner.keys.isEmpty {
                throw object.wrong(key, "an empty object", object.value(key) ?? .null)
            }
        }
        let layers: [Int]?
        switch object.value("layers_to_transform") {
        case nil: layers = nil
        case .integer: layers = [try object.int("layers_to_transform", in: 0...100_000)]
        default: layers = try object.ints("layers_to_transform", in: 0...100_000)
        }
        let pattern: String?
        if case .array = object.value("layers_pattern") {
            pattern = try object.strings("layers_pattern").first
        } else {
            pattern = object.has("layers_pattern") ? try object.string("layers_pattern") : nil
        }
        let targets: [String]
        var isPattern = false
        if case .string(let one) = object.value("target_modules") {
            (targets, isPattern) = ([one], true)
        } else {
            targets = try object.strings("target_modules")
        }
        self.init(
            rank: try object.int("r", in: 1...65_536), alpha: try object.double("lora_alpha", in: 0...1e9),
            dropout: try object.double("lora_dropout", in: 0...1, default: 0), targetModules: targets,
            isPattern: isPattern,
            layers: layers,
            layersPattern: pattern, baseModel: try object.string("base_model_name_or_path", default: ""))
    }

    /// The fields PEFT writes for LoRA.
    var json: JSONValue {
        [
            "alpha_pattern": .object([:]), "auto_mapping": nil, "base_model_name_or_path": .string(baseModel),
            "bias": "none", "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
            "layers_pattern": layersPattern.map { .string($0) } ?? .null,
            "layers_to_transform": layers.map { .array($0.map { .integer($0) }) } ?? .null,
            "lora_alpha": alpha == alpha.rounded() && alpha.magnitude < 1e9 ? .integer(Int(alpha)) : .number(alpha),
            "lora_dropout": .number(dropout), "modules_to_save": nil, "peft_type": "LORA", "r": .integer(rank),
            "rank_pattern": .object([:]), "revision": nil,
            "target_modules": isPattern
                ? .string(targetModules.first ?? "") : .array(targetModules.map { .string($0) }),
            "task_type": "CAUSAL_LM",
            "use_dora": false, "use_rslora": false,
        ]
    }
}
