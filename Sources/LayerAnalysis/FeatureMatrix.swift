/// Rows of features, row-major: [rows, columns].
public struct FeatureMatrix: Sendable {
    public let rows: Int
    public let columns: Int
    public var values: [Float]

    /// - Throws: ``LayerAnalysisError`` when the rows differ in length.
    public init(rows data: [[Float]]) throws {
        rows = data.count
        columns = data.first?.count ?? 0
        var values: [Float] = []
        values.reserveCapacity(rows * columns)
        for (i, row) in data.enumerated() {
            guard row.count == columns else {
                throw LayerAnalysisError("features: row \(i) has \(row.count) values, expected \(columns) as in row 0")
            }
            values += row
        }
        self.values = values
    }

    package init(rows: Int, columns: Int, values: [Float]) {
        precondition(values.count == rows * columns)
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    package func transposed() -> FeatureMatrix {
        var out = [Float](repeating: 0, count: values.count)
        for i in 0..<rows { for j in 0..<columns { out[j * rows + i] = values[i * columns + j] } }
        return FeatureMatrix(rows: columns, columns: rows, values: out)
    }
}
