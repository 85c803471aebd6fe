import Checkpoints
import Foundation
import MLX
import TestSupport
import XCTest

#if canImport(Glibc)
    import Glibc
#endif

/// The system's calls, except that the Nth of them fails in a chosen way.
private final class Failing: FileOperations, @unchecked Sendable {
    enum Way: CaseIterable { case noSpace, inputOutput, interrupted, short }
    private let system = SystemFiles()
    private let failAt: Int
    private let way: Way
    private(set) var calls = 0
    init(at call: Int, _ way: Way) {
        failAt = call
        self.way = way
    }
    private var code: Int32? {
        calls += 1
        guard calls == failAt else { return nil }
        return switch way {
        case .noSpace: ENOSPC
        case .inputOutput: EIO
        case .interrupted: EINTR
        case .short: nil
        }
    }
    func openForWriting(_ path: String) -> Int32 { code.map { -$0 } ?? system.openForWriting(path) }
    func openForSync(_ path: String) -> Int32 { code.map { -$0 } ?? system.openForSync(path) }
    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        if let code { return -Int(code) }
        let short = way == .short && calls == failAt && bytes.count > 1
        return system.write(descriptor, short ? UnsafeRawBufferPointer(rebasing: bytes.prefix(bytes.count / 2)) : bytes)
    }
    func sync(_ descriptor: Int32) -> Int32 { code.map { -$0 } ?? system.sync(descriptor) }
    func close(_ descriptor: Int32) -> Int32 {
        let result = system.close(descriptor)  // the descriptor is gone even when close reports an error
        return code.map { -$0 } ?? result
    }
    func rename(_ from: String, _ to: String) -> Int32 { code.map { -$0 } ?? system.rename(from, to) }
    func freeBytes(_ folder: String) -> Int? { system.freeBytes(folder) }
}

final class AtomicTests: XCTestCase {
    private func names(_ folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    func testWritesReplacesAndLeavesNothingElse() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("a.txt")
            try AtomicFile.write(Data("one".utf8), to: url)
            try AtomicFile.write(to: url) { writer in
                try writer.write("two ")
                try writer.write(Data(repeating: 0x61, count: 3 << 20))
                try writer.write("end")
            }
            XCTAssertEqual(
                try Data(contentsOf: url), Data("two ".utf8) + Data(repeating: 0x61, count: 3 << 20) + Data("end".utf8))
            XCTAssertEqual(try names(folder), ["a.txt"])
        }
    }

    func testEveryFailingCallOfAFileLeavesTheOldOne() throws {
        var points = 0
        for way in Failing.Way.allCases {
            for call in 1...40 {
                let reached = try withTemporaryFolder { folder in
                    let url = folder.appendingPathComponent("a")
                    try AtomicFile.write(Data("old".utf8), to: url)
                    let files = Failing(at: call, way)
                    let new = Data(repeating: 1, count: 200_000)
                    var failed = false
                    do {
                        try FileLayer.$current.withValue(files) { try AtomicFile.write(new, to: url) }
                    } catch let error as CheckpointError {
                        failed = true
                        XCTAssertTrue(error.description.contains(folder.path), error.description)
                    }
                    if way == .interrupted || way == .short { XCTAssertFalse(failed, "\(way) \(call)") }
                    let found = try Data(contentsOf: url)
                    if !failed { XCTAssertEqual(found, new, "\(way) \(call)") }
                    XCTAssertTrue(found == new || found == Data("old".utf8), "\(way) \(call): half a file")
                    XCTAssertEqual(try names(folder), ["a"], "\(way) \(call)")
                    return files.calls >= call
                }
                if !reached { break }
                points += 1
            }
        }
        XCTAssertGreaterThanOrEqual(points, 4 * 8)
    }

    func testEveryFailingCallOfADirectoryLeavesTheOldOne() throws {
        var points = 0
        for way in Failing.Way.allCases {
            for call in 1...200 {
                let reached = try withTemporaryFolder { folder in
                    let url = folder.appendingPathComponent("run")
                    func fill(_ text: String) throws {
                        try AtomicDirectory.write(to: url, replacing: true) {
                            try AtomicFile.write(Data(text.utf8), to: $0.appendingPathComponent("weights"))
                            try Safetensors.write([("w", MLXArray(1))], to: $0.appendingPathComponent("w.safetensors"))
                        }
                    }
                    try fill("old")
                    let files = Failing(at: call, way)
                    var failed = false
                    do { try FileLayer.$current.withValue(files) { try fill("new") } } catch is CheckpointError {
                        failed = true
                    }
                    if way == .interrupted || way == .short { XCTAssertFalse(failed, "\(way) \(call)") }
                    XCTAssertNoThrow(try AtomicDirectory.verify(url), "\(way) \(call)")
                    let text = try String(contentsOf: url.appendingPathComponent("weights"), encoding: .utf8)
                    XCTAssertTrue(failed ? ["old", "new"].contains(text) : text == "new", "\(way) \(call): \(text)")
                    XCTAssertEqual(try names(folder), ["run"], "\(way) \(call)")
                    return files.calls >= call
                }
                if !reached { break }
                points += 1
            }
        }
        XCTAssertGreaterThanOrEqual(points, 4 * 30)
    }

    func testABodyThatFailsLeavesNothing() throws {
        struct Stop: Error {}
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("a")
            XCTAssertThrowsError(
                try AtomicFile.write(to: url) {
                    try $0.write("half")
                    throw Stop()
                }
            ) { XCTAssertTrue($0 is Stop) }
            XCTAssertThrowsError(
                try AtomicDirectory.write(to: url) {
                    try AtomicFile.write(Data([1]), to: $0.appendingPathComponent("x"))
                    throw Stop()
                }
            ) { XCTAssertTrue($0 is Stop) }
            XCTAssertEqual(try names(folder), [])
        }
    }

    func testAFolderThatIsNotThereAndOneThatCannotBeWritten() throws {
        try withTemporaryFolder { folder in
            let text = refused { try AtomicFile.write(Data([1]), to: folder.appendingPathComponent("no/a")) }
            XCTAssertTrue(text.contains("no/a"), text)
            try XCTSkipIf(getuid() == 0, "root may write anywhere: permissions cannot be tried")
            let locked = folder.appendingPathComponent("locked")
            try FileManager.default.createDirectory(at: locked, withIntermediateDirectories: true)
            chmod(locked.path, 0o555)
            defer { chmod(locked.path, 0o755) }
            XCTAssertTrue(
                refused { try AtomicFile.write(Data([1]), to: locked.appendingPathComponent("a")) }.contains("locked/a")
            )
        }
    }

    func testASmallDiskIsNamedBeforeAnythingIsWritten() throws {
        try withTemporaryFolder { folder in
            let disk = folder.appendingPathComponent("disk")
            try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
            let mount = Process()
            mount.executableURL = URL(fileURLWithPath: "/bin/mount")
            mount.arguments = ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk.path]
            mount.standardError = FileHandle.nullDevice
            let tried = (try? mount.run()) != nil
            if tried { mount.waitUntilExit() }
            try XCTSkipUnless(tried && mount.terminationStatus == 0, "only root can mount a small disk")
            defer {
                let unmount = Process()
                unmount.executableURL = URL(fileURLWithPath: "/bin/umount")
                unmount.arguments = [disk.path]
                if (try? unmount.run()) != nil { unmount.waitUntilExit() }
            }
            let url = disk.appendingPathComponent("a")
            try AtomicFile.write(Data("old".utf8), to: url)
            let known = refused { try AtomicFile.write(Data(repeating: 1, count: 5 << 20), to: url) }
            XCTAssertTrue(known.contains(url.path) && known.contains("5767168 bytes needed"), known)
            let streamed = refused {
                try AtomicFile.write(to: url) { for _ in 0..<8 { try $0.write(Data(repeating: 1, count: 1 << 20)) } }
            }
            XCTAssertTrue(streamed.contains(url.path) && streamed.contains("bytes"), streamed)
            XCTAssertEqual(try Data(contentsOf: url), Data("old".utf8))
            XCTAssertEqual(try names(disk), ["a"])
        }
    }

    func testVerifyFindsEveryChange() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("run")
            func fresh() throws {
                try AtomicDirectory.write(to: url, replacing: true) {
                    try FileManager.default.createDirectory(
                        at: $0.appendingPathComponent("sub"), withIntermediateDirectories: false)
                    try AtomicFile.write(Data("abc".utf8), to: $0.appendingPathComponent("sub/b"))
                    try AtomicFile.write(Data("abc".utf8), to: $0.appendingPathComponent("a"))
                }
            }
            try fresh()
            XCTAssertEqual(Set(try AtomicDirectory.verify(url).files.keys), ["a", "sub/b"])
            refused("no replacing") { try AtomicDirectory.write(to: url) { _ in } }
            try Data("abd".utf8).write(to: url.appendingPathComponent("sub/b"))
            XCTAssertTrue(refused { try AtomicDirectory.verify(url) }.contains("sub/b"))
            XCTAssertNoThrow(try AtomicDirectory.verifySizes(url, hashing: ["a"]))
            refused { try AtomicDirectory.verifySizes(url, hashing: ["sub/b"]) }
            try fresh()
            try Data("ab".utf8).write(to: url.appendingPathComponent("a"))
            refused("a shorter file") { try AtomicDirectory.verifySizes(url) }
            try fresh()
            try Data().write(to: url.appendingPathComponent("stray"))
            XCTAssertTrue(refused { try AtomicDirectory.verify(url) }.contains("stray"))
            try fresh()
            try FileManager.default.removeItem(at: url.appendingPathComponent("a"))
            XCTAssertTrue(refused { try AtomicDirectory.verify(url) }.contains("missing"))
            try fresh()
            try FileManager.default.removeItem(at: url.appendingPathComponent("manifest.json"))
            XCTAssertTrue(refused { try AtomicDirectory.verify(url) }.contains("manifest.json"))
            try Data("{\"files\":{\"../x\":{\"bytes\":1,\"sha256\":\"\"}}}".utf8)
                .write(to: url.appendingPathComponent("manifest.json"))
            XCTAssertTrue(refused { try AtomicDirectory.verify(url) }.contains("../x"))
        }
    }

    func testNobodysFilesAreReplaced() throws {
        try withTemporaryFolder { folder in
            let url = folder.appendingPathComponent("adapter")
            XCTAssertNoThrow(try AtomicDirectory.checkReplaceable(url))
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
            XCTAssertNoThrow(try AtomicDirectory.checkReplaceable(url), "an empty folder")
            try AtomicDirectory.write(to: url, replacing: true) {
                try AtomicFile.write(Data("abc".utf8), to: $0.appendingPathComponent("a"))
            }
            XCTAssertNoThrow(try AtomicDirectory.checkReplaceable(url))
            let stray = url.appendingPathComponent("thesis.txt")
            try Data("x".utf8).write(to: stray)
            XCTAssertTrue(refused { try AtomicDirectory.checkReplaceable(url) }.contains("other files"))
            try FileManager.default.removeItem(at: stray)
            // Somebody else's manifest.json.
            try Data("{\"name\": \"an app\"}".utf8).write(to: url.appendingPathComponent("manifest.json"))
            refused { try AtomicDirectory.checkReplaceable(url) }
            refused("a file") { try AtomicDirectory.checkReplaceable(url.appendingPathComponent("a")) }
        }
    }

    func testWhatAKilledProcessLeftIsRemoved() throws {
        try withTemporaryFolder { folder in
            let child = Process()
            child.executableURL = URL(fileURLWithPath: "/bin/sh")
            child.arguments = ["-c", "exit 0"]
            try child.run()
            child.waitUntilExit()
            let dead = child.processIdentifier
            try Data().write(to: folder.appendingPathComponent(".a.\(dead)-1.partial"))
            // Of another process that had this one's id, as in a container that was started again.
            try Data().write(to: folder.appendingPathComponent(".a.\(getpid())-9999999.partial"))
            try AtomicFile.write(Data([0]), to: folder.appendingPathComponent("b"))
            let own = ".a.\(getpid())-1.partial", other = ".a.\(getppid())-1.partial"  // still at work
            for name in [own, other] { try Data().write(to: folder.appendingPathComponent(name)) }
            try AtomicFile.write(Data([1]), to: folder.appendingPathComponent("a"))
            XCTAssertEqual(try names(folder), [own, other, "a", "b"].sorted())
        }
    }
}
