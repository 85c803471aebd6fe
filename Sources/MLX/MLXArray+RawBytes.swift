import CMLX
import Foundation

extension MLXArray {
    /// Copies raw little-endian elements; throws where their number does not fit the shape.
    package convenience init(rawBytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType) throws {
        var bytes = dtype.bytes
        var dimensions: [Int32] = []
        for dimension in shape {
            guard let fits = Int32(exactly: dimension), fits >= 0 else {
                throw MLXError("shape \(shape) is not possible")
            }
            dimensions.append(fits)
            let (product, overflow) = bytes.multipliedReportingOverflow(by: dimension)
            if overflow { throw MLXError("shape \(shape) is too large") }
            bytes = product
        }
        guard bytes == rawBytes.count else {
            throw MLXError("\(rawBytes.count) bytes for shape \(shape) of \(dtype): \(bytes) needed")
        }
        guard let handle = cmlx_from_data(rawBytes.baseAddress, dimensions, Int32(dimensions.count), dtype.rawValue)
        else { throw MLXError.last }
        self.init(owning: handle)
    }

    /// The elements in their own type, row-major. Evaluates.
    package func rawData() throws -> Data {
        guard let dtype else { throw MLXError("an element type without raw bytes") }
        var data = Data(count: size * dtype.bytes)
        let count = data.count
        let failed = data.withUnsafeMutableBytes { cmlx_read(handle, $0.baseAddress, count) }
        if failed != 0 { throw MLXError.last }
        return data
    }
}

extension DType {
    fileprivate var bytes: Int {
        switch self {
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16: 2
        case .bool: 1
        case .int64: 8
        }
    }
}
