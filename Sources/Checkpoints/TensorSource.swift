import MLX

/// Element types of weight files, spelled as in safetensors.
public enum TensorType: String, Sendable, CaseIterable {
    case f64 = "F64", f32 = "F32", f16 = "F16", bf16 = "BF16"
    case i64 = "I64", i32 = "I32", i16 = "I16", i8 = "I8"
    case u64 = "U64", u32 = "U32", u16 = "U16", u8 = "U8"
    case bool = "BOOL"

    /// Bytes of one element.
    public var bytes: Int {
        switch self {
        case .f64, .i64, .u64: 8
        case .f32, .i32, .u32: 4
        case .f16, .bf16, .i16, .u16: 2
        case .i8, .u8, .bool: 1
        }
    }

    /// The array type that holds it unchanged; nil where there is none.
    public var dtype: DType? {
        switch self {
        case .f32: .float32
        case .f16: .float16
        case .bf16: .bfloat16
        case .i32: .int32
        case .u32: .uint32
        case .bool: .bool
        case .i64: .int64
        case .u8: .uint8
        default: nil
        }
    }

    /// The file type of an array.
    public init(_ dtype: DType) {
        switch dtype {
        case .float32: self = .f32
        case .float16: self = .f16
        case .bfloat16: self = .bf16
        case .int32: self = .i32
        case .uint32: self = .u32
        case .bool: self = .bool
        case .int64: self = .i64
        case .uint8: self = .u8
        }
    }
}

/// Element type and shape of a stored tensor.
public struct TensorInfo: Sendable, Equatable {
    public var type: TensorType
    public var shape: [Int]
    public init(type: TensorType, shape: [Int]) {
        self.type = type
        self.shape = shape
    }
    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }  // checked against the file when it was opened
}

/// Something that holds named tensors: a safetensors file, a folder of shards, a GGUF or a CTranslate2 file.
public protocol TensorSource: Sendable {
    /// All names, sorted.
    var names: [String] { get }
    /// Type and shape of a tensor, without reading it; an unknown name is an error.
    func info(_ name: String) throws -> TensorInfo
    /// The tensor, copied into the engine's memory.
    func array(_ name: String) throws -> MLXArray
}

/// Product of dimensions times the size of an element; nil where it does not fit.
func byteCount(_ shape: [Int], element: Int) -> Int? {
    var total = element
    for dimension in shape {
        let (product, overflow) = total.multipliedReportingOverflow(by: dimension)
        if overflow { return nil }
        total = product
    }
    return total
}
