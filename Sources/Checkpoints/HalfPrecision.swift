/// The exact value of a 16-bit float, by its bits: Swift's Float16 does not exist on every platform.
func floatFromHalf(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 31)
    let mantissa = UInt32(bits & 0x3ff)
    if exponent == 31 { return Float(bitPattern: sign | 0x7f80_0000 | mantissa << 13) }
    if exponent == 0 {  // zero or subnormal: mantissa x 2^-24
        let value = Float(mantissa) * 0x1p-24
        return sign == 0 ? value : -value
    }
    return Float(bitPattern: sign | (exponent + 112) << 23 | mantissa << 13)
}

/// All values of a table of 65,536, for bulk conversion.
let halfTable: [Float] = (0...UInt16.max).map(floatFromHalf)

/// The elements of f32, f16 or bf16 data as f32; nil for other types.
func floats(_ bytes: UnsafeRawBufferPointer, _ type: TensorType) -> [Float]? {
    let count = bytes.count / type.bytes
    switch type {
    case .f32:
        return (0..<count).map { Float(bitPattern: UInt32(littleEndian: word(bytes, $0 * 4))) }
    case .f16:
        return halfTable.withUnsafeBufferPointer { table in
            (0..<count).map { table[Int(UInt16(littleEndian: word(bytes, $0 * 2)))] }
        }
    case .bf16:
        return (0..<count).map { Float(bitPattern: UInt32(UInt16(littleEndian: word(bytes, $0 * 2))) << 16) }
    default: return nil
    }
}

private func word<T: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> T {
    bytes.loadUnaligned(fromByteOffset: offset, as: T.self)
}
