import Foundation
import TestSupport
import XCTest

/// Whatever stops a run: the same command with --resume ends in the same bytes.
final class InterruptionTests: XCTestCase {
    private let outcome = [
        "adapter/adapter_model.safetensors", "adapter/adapter_config.json", "adapter/heads.safetensors",
        "metrics.jsonl",
        "checkpoints/step-120/state.safetensors",
    ]

    private func checkpoints(_ command: Command, _ run: String) -> [Int] {
        let names =
            (try? FileManager.default.contentsOfDirectory(atPath: command.path("\(run)/checkpoints").path)) ?? []
        return names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.sorted()
    }

    private func assertEqual(_ command: Command, _ a: String, _ b: String) throws {
        for name in outcome {
            XCTAssertEqual(
                try Data(contentsOf: command.path("\(a)/\(name)")), try Data(contentsOf: command.path("\(b)/\(name)")),
                name)
        }
        XCTAssertEqual(command.leftovers(b), [])
    }

    func testKilledAtSeveralMoments() throws {
        try withCommand { command in
            let straight = try command.run(command.finetune("straight", steps: 120, ["--save-every", "3"]))
            XCTAssertEqual(straight.code, 0, straight.error)
            let arguments = command.finetune("killed", steps: 120, ["--save-every", "3", "--resume"])
            var killed = 0
            for goal in [1, 10, 31, 33, 60, 90] {
                let running = try Command.Running(arguments, in: command.folder)
                let reached = running.wait { (checkpoints(command, "killed").last ?? 0) >= goal }
                usleep(UInt32(goal % 7) * 900)  // somewhere within a step or a write
                if reached, running.process.isRunning { killed += 1 }
                kill(running.process.processIdentifier, SIGKILL)
                _ = running.result()
            }
            XCTAssertGreaterThanOrEqual(killed, 4)
            let last = try command.run(arguments)
            XCTAssertEqual(last.code, 0, last.error)
            try assertEqual(command, "straight", "killed")
        }
    }

    func testKilledBeforeTheFirstCheckpointStartsAnew() throws {
        try withCommand { command in
            let straight = try command.run(command.finetune("straight", steps: 120, ["--save-every", "50"]))
            XCTAssertEqual(straight.code, 0, straight.error)
            let arguments = command.finetune("killed", steps: 120, ["--save-every", "50", "--resume"])
            let running = try Command.Running(arguments, in: command.folder)
            XCTAssertTrue(running.wait { command.exists("killed/config.yaml") })
            kill(running.process.processIdentifier, SIGKILL)
            XCTAssertTrue(running.result().crashed)
            let last = try command.run(arguments)
            XCTAssertEqual(last.code, 0, last.error)
            try assertEqual(command, "straight", "killed")
        }
    }

    func testInterruptedRunsWriteACheckpointAndGoOn() throws {
        try withCommand { command in
            let more = ["--save-every", "100000"]
            let straight = try command.run(command.finetune("straight", steps: 120, more))
            XCTAssertEqual(straight.code, 0, straight.error)
            for (name, signal) in [("interrupted", SIGINT), ("terminated", SIGTERM)] {
                let running = try Command.Running(command.finetune(name, steps: 120, more), in: command.folder)
                XCTAssertTrue(running.wait { running.errorText.contains("step 1/120") }, running.errorText)
                kill(running.process.processIdentifier, signal)
                let stopped = running.result()
                XCTAssertEqual(stopped.code, 130, stopped.error)
                XCTAssertFalse(stopped.crashed)
                XCTAssertTrue(stopped.error.contains("interrupted"), stopped.error)
                XCTAssertEqual(checkpoints(command, name).count, 1)
                XCTAssertFalse(command.exists("\(name)/adapter"))
                let without = try command.run(command.finetune(name, steps: 120, more))
                XCTAssertEqual(without.code, 2)
                XCTAssertTrue(without.error.contains("--resume"), without.error)
                let other = try command.run(command.finetune(name, steps: 60, more + ["--resume"]))
                XCTAssertEqual(other.code, 2)
                XCTAssertTrue(other.error.contains("another run"), other.error)
                let resumed = try command.run(command.finetune(name, steps: 120, more + ["--resume"]))
                XCTAssertEqual(resumed.code, 0, resumed.error)
                try assertEqual(command, "straight", name)
            }
        }
    }

    func testInterruptedWhileHearingClips() throws {
        try withCommand { command in
            let running = try Command.Running(
                ["analyze", "--model", command.model.path, "--corpus", command.corpus.path, "--out", "layers"],
                in: command.folder)
            XCTAssertTrue(running.wait { running.errorText.contains("hearing clips") }, running.errorText)
            kill(running.process.processIdentifier, SIGINT)
            let stopped = running.result()
            XCTAssertEqual(stopped.code, 130, stopped.error)
            XCTAssertFalse(command.exists("layers"))
        }
    }

    func testAFullDisk() throws {
        #if os(Linux)
            try XCTSkipUnless(geteuid() == 0, "a small file system can be mounted by root only")
            try withCommand { command in
                // Features are cached before the disk matters.
                let warm = try command.run(command.finetune("warm", steps: 1))
                XCTAssertEqual(warm.code, 0, warm.error)
                let disk = command.path("disk")
                try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
                func shell(_ arguments: String...) throws -> Int32 {
                    let process = Process()
                    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                    process.arguments = arguments
                    process.standardError = FileHandle.nullDevice
                    try process.run()
                    process.waitUntilExit()
                    return process.terminationStatus
                }
                guard try shell("mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", disk.path) == 0 else {
                    throw XCTSkip("no small file system can be mounted here")
                }
                defer { _ = try? shell("umount", disk.path) }
                let full = try command.run(command.finetune("disk/run", steps: 20, ["--save-every", "5"]))
                XCTAssertFalse(full.crashed)
                XCTAssertEqual(full.code, 2, full.error)
                XCTAssertTrue(full.error.contains("space") || full.error.contains("free"), full.error)
                XCTAssertTrue(full.error.contains("disk/run"), full.error)
                XCTAssertEqual(command.leftovers("disk"), [])
                XCTAssertFalse(command.exists("disk/run/adapter"))
                XCTAssertEqual(checkpoints(command, "disk/run"), [])
                // With room again the same run goes on.
                XCTAssertEqual(try shell("mount", "-o", "remount,size=8m", disk.path), 0)
                let resumed = try command.run(
                    command.finetune("disk/run", steps: 20, ["--save-every", "5", "--resume"]))
                XCTAssertEqual(resumed.code, 0, resumed.error)
                XCTAssertTrue(command.exists("disk/run/adapter/adapter_model.safetensors"))
            }
        #else
            throw XCTSkip("mounting is tried on Linux only")
        #endif
    }
}
