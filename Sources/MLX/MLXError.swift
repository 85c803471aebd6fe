import CMLX

/// A failure inside the engine: shapes that do not fit, memory that cannot be had.
public struct MLXError: Error, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
    static var last: MLXError { MLXError(String(cString: cmlx_last_error())) }
}

private final class ErrorBox: @unchecked Sendable { var first: MLXError? }
private enum ErrorScope { @TaskLocal static var current: ErrorBox? }

/// Operations do not throw, so that formulas stay readable; inside `withError` the first failure (a shape that does not
/// fit, say) is thrown at the end, outside it stops the program. After a failure arrays hold a scalar NaN.
public func withError<R>(_ body: () throws -> R) throws -> R {
    let box = ErrorBox()
    let result = Result { try ErrorScope.$current.withValue(box) { try body() } }
    if let error = box.first { throw error }
    return try result.get()
}

func wrap(_ handle: cmlx_array?) -> MLXArray {
    if let handle { return MLXArray(owning: handle) }
    guard let box = ErrorScope.current else { fatalError(MLXError.last.description) }
    if box.first == nil { box.first = MLXError.last }
    return MLXArray(.nan)
}
