// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v14)],
    dependencies: [.package(name: "resurface", path: "..")],
    targets: [
        .executableTarget(name: "TrainingStep", dependencies: [.product(name: "Resurface", package: "resurface")]),
        .executableTarget(name: "RandomCheckpoint", dependencies: [.product(name: "Resurface", package: "resurface")]),
        .executableTarget(name: "StoredWeights", dependencies: [.product(name: "Resurface", package: "resurface")]),
        .executableTarget(name: "TranscriptPadding", dependencies: [.product(name: "Resurface", package: "resurface")]),
    ],
    swiftLanguageModes: [.v6]
)
