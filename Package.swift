// swift-tools-version: 6.1
import PackageDescription

// scripts/setup-engine.sh puts the tensor engine here: libmlx from its wheel and, on Linux, OpenBLAS from its own;
// and libsndfile, which is not linked: Speech opens it at run time through the run path set below.
let vendor = Context.packageDirectory + "/Vendor"
let device = Context.environment["RESURFACE_DEVICE"] ?? "cpu"

#if os(macOS)
    let libraries = ["\(vendor)/mlx/lib", "\(vendor)/_soundfile_data"]
    let linked = ["mlx"]
#else
    let libraries = ["\(vendor)/mlx/lib", "\(vendor)/scipy_openblas32/lib", "\(vendor)/_soundfile_data"]
    let linked = ["mlx", "scipy_openblas", "m"]  // swiftc's link step does not add libm
#endif

let package = Package(
    name: "resurface",
    platforms: [.macOS(.v14)],
    products: [
        .executable(name: "resurface", targets: ["resurface"]),
        .library(
            name: "Resurface",
            targets: [
                "MLX", "MLXNN", "Checkpoints", "Speech", "Tokenization", "AudioLanguageModels", "Corpora",
                "LayerAnalysis",
                "FineTuning", "Evaluation", "Reports",
            ]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // The only C++ of the project. -O3 in debug builds too: unoptimised kernels are some fifty times slower.
        // The kernels ask for their instruction set function by function, so that start-up code runs on any CPU.
        .target(
            name: "CMLX",
            cxxSettings: [
                .headerSearchPath("../../Vendor/mlx/include"),
                .headerSearchPath("../../Vendor/mlx/include/metal_cpp", .when(platforms: [.macOS])),
                .unsafeFlags([
                    "-O3", "-fno-math-errno", "-fno-trapping-math", "-Wno-deprecated-declarations",
                ]),
            ],
            linkerSettings: [
                .unsafeFlags(libraries.flatMap { ["-L\($0)", "-Xlinker", "-rpath", "-Xlinker", $0] })
            ] + linked.map { .linkedLibrary($0) }),
        .target(name: "MLX", dependencies: ["CMLX"]),
        .target(name: "MLXNN", dependencies: ["MLX"]),
        .target(
            name: "Checkpoints", dependencies: ["MLX", .product(name: "Crypto", package: "swift-crypto")]),
        .target(name: "Speech", dependencies: ["MLX"]),
        .target(name: "Tokenization"),
        .target(
            name: "AudioLanguageModels",
            dependencies: [
                "MLX", "MLXNN", "Checkpoints", "Speech", "Tokenization",
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            resources: [.copy("Resources")]),
        .target(
            name: "Corpora",
            dependencies: ["Speech", "AudioLanguageModels", .product(name: "Crypto", package: "swift-crypto")],
            resources: [.copy("Resources")]),
        .target(name: "LayerAnalysis", dependencies: ["Corpora", "Checkpoints", "MLX"]),
        .target(name: "FineTuning", dependencies: ["Corpora", "Yams"]),
        .target(name: "Evaluation", dependencies: ["Corpora"]),
        .target(name: "Reports", dependencies: ["LayerAnalysis", "FineTuning", "Evaluation"]),
        .executableTarget(
            name: "resurface",
            dependencies: [
                "Reports", "LayerAnalysis", "FineTuning", "Evaluation", "Corpora", "AudioLanguageModels",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        .target(
            name: "TestSupport",
            dependencies: ["MLX", "MLXNN", "Checkpoints", "Speech", "Corpora", "AudioLanguageModels"],
            path: "Tests/TestSupport"),
        .testTarget(name: "MLXTests", dependencies: ["MLX", "MLXNN", "TestSupport"]),
        .testTarget(name: "CheckpointsTests", dependencies: ["Checkpoints", "TestSupport"]),
        .testTarget(name: "SpeechTests", dependencies: ["Speech", "TestSupport"], resources: [.copy("Golden")]),
        .testTarget(
            name: "TokenizationTests", dependencies: ["Tokenization", "Checkpoints", "TestSupport"],
            resources: [.copy("Golden")]),
        .testTarget(
            name: "AudioLanguageModelsTests", dependencies: ["AudioLanguageModels", "TestSupport"],
            resources: [.copy("Golden")]),
        .testTarget(name: "CorporaTests", dependencies: ["Corpora", "TestSupport"]),
        .testTarget(
            name: "LayerAnalysisTests", dependencies: ["LayerAnalysis", "TestSupport"], resources: [.copy("Golden")]),
        .testTarget(
            name: "FineTuningTests", dependencies: ["FineTuning", "TestSupport"], resources: [.copy("Golden")]),
        .testTarget(
            name: "EvaluationTests", dependencies: ["Evaluation", "TestSupport"], resources: [.copy("Golden")]),
        .testTarget(name: "ReportsTests", dependencies: ["Reports", "TestSupport"]),
        .testTarget(name: "EndToEndTests", dependencies: ["resurface", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
