/// The block types of GGUF that are read here, by their codes.
enum GGUFBlock: UInt32, Sendable {
    case f32 = 0
    case f16 = 1
    case q40 = 2
    case q41 = 3
    case q80 = 8

    var name: String {
        switch self {
        case .f32: "F32"
        case .f16: "F16"
        case .q40: "Q4_0"
        case .q41: "Q4_1"
        case .q80: "Q8_0"
        }
    }

    /// Values and bytes of a block.
    var items: Int {
        switch self {
        case .f32, .f16: 1
        default: 32
        }
    }
    var bytes: Int {
        switch self {
        case .f32: 4
        case .f16: 2
        case .q40: 18  // f16 scale, 16 bytes: low nibbles are items 0-15, high ones 16-31; (q - 8) * scale
        case .q41: 20  // f16 scale, f16 minimum, 16 bytes; q * scale + minimum
        case .q80: 34  // f16 scale, 32 signed bytes
        }
    }

    /// Whole blocks as f32.
    func floats(_ raw: UnsafeRawBufferPointer) -> [Float] {
        switch self {
        case .f32: return Checkpoints.floats(raw, .f32) ?? []
        case .f16: return Checkpoints.floats(raw, .f16) ?? []
        default: break
        }
        let blocks = raw.count / bytes
        return [Float](unsafeUninitializedCapacity: blocks * 32) { out, count in
            for block in 0..<blocks {
                let start = block * bytes
                let scale = half(raw, start)
                let at = block * 32
                switch self {
                case .q80:
                    for i in 0..<32 { out[at + i] = Float(Int8(bitPattern: raw[start + 2 + i])) * scale }
                case .q41:
                    let minimum = half(raw, start + 2)
                    for i in 0..<16 {
                        let pair = raw[start + 4 + i]
                        out[at + i] = Float(pair & 15) * scale + minimum
                        out[at + 16 + i] = Float(pair >> 4) * scale + minimum
                    }
                default:
                    for i in 0..<16 {
                        let pair = raw[start + 2 + i]
                        out[at + i] = Float(Int(pair & 15) - 8) * scale
                        out[at + 16 + i] = Float(Int(pair >> 4) - 8) * scale
                    }
                }
            }
            count = blocks * 32
        }
    }

    private func half(_ raw: UnsafeRawBufferPointer, _ offset: Int) -> Float {
        floatFromHalf(UInt16(raw[offset]) | UInt16(raw[offset + 1]) << 8)
    }
}
