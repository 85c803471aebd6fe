/// Element types; the raw values are those of the C interface.
public enum DType: Int32, Sendable, CaseIterable {
    case float32, float16, bfloat16, int32, uint32, bool, int64, uint8

    /// Bytes of one element.
    public var size: Int {
        switch self {
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16: 2
        case .bool, .uint8: 1
        case .int64: 8
        }
    }
}
