import Foundation
import TestSupport
import XCTest

/// `corpus check --audit` as a user runs it.
final class AuditTests: XCTestCase {
    private func findings(_ result: Command.Result) throws -> [[String: Any]] {
        let audit = try XCTUnwrap(result.json?["audit"] as? [String: Any], result.output + result.error)
        return try XCTUnwrap(audit["findings"] as? [[String: Any]])
    }

    private func verdict(_ findings: [[String: Any]], _ check: String, _ subject: String) -> String? {
        findings.first { $0["check"] as? String == check && $0["subject"] as? String == subject }?["verdict"]
            as? String
    }

    func testACleanCorpusWithAndWithoutAModel() throws {
        try withCommand(corpus: false) { command in
            try AuditCorpus().write(to: command.corpus)
            let plain = try command.run("corpus", "check", command.corpus.path)
            XCTAssertEqual(plain.code, 0, plain.error)
            XCTAssertFalse(plain.output.contains("audit"))
            let read = try command.run("corpus", "check", command.corpus.path, "--audit")
            XCTAssertEqual(read.code, 0, read.error + read.output)
            XCTAssertTrue(read.output.contains("residue (quiet): categories are"), read.output)
            XCTAssertFalse(read.output.contains("problem"), read.output)
            XCTAssertTrue(read.output.contains("chance 0.5"), read.output)
            let arguments = [
                "corpus", "check", command.corpus.path, "--audit", "--model", command.model.path, "--clips-per-cell",
                "10", "--json",
            ]
            let found = try command.run(arguments)
            XCTAssertEqual(found.code, 0, found.error)
            XCTAssertEqual(found.json?["utterances"] as? Int, 180)
            let list = try findings(found)
            XCTAssertNotEqual(verdict(list, "residue", "quiet"), "problem", found.output)
            XCTAssertNotNil(verdict(list, "residue", "encoder"))
            XCTAssertEqual(found.output, try command.run(arguments).output)
        }
    }

    func testConfoundedCorporaFail() throws {
        for (flaw, check, subject) in [
            (AuditCorpus.Flaw.engineOfChildren, "engines", "train age"), (.hum, "residue", "quiet"),
            (.speakers, "splits", "speakers"),
        ] {
            try withCommand(corpus: false) { command in
                try AuditCorpus(flaw).write(to: command.corpus)
                XCTAssertEqual(try command.run("corpus", "check", command.corpus.path).code, 0, "\(flaw)")
                let found = try command.run("corpus", "check", command.corpus.path, "--audit", "--json")
                XCTAssertEqual(found.code, 1, "\(flaw): \(found.error)")
                XCTAssertEqual(verdict(try findings(found), check, subject), "problem", "\(flaw)")
                XCTAssertTrue(found.error.contains("problems; first: "), found.error)
            }
        }
    }

    func testInterruptionAndWrongUse() throws {
        try withCommand(corpus: false) { command in
            try AuditCorpus().write(to: command.corpus)
            let running = try command.start("corpus", "check", command.corpus.path, "--audit", "--json")
            XCTAssertTrue(running.wait { running.errorText.contains("auditing") }, running.errorText)
            kill(running.process.processIdentifier, SIGINT)
            let stopped = running.result()
            XCTAssertEqual(stopped.code, 130, stopped.error)
            XCTAssertEqual(stopped.output, "")
            for arguments in [["--model", command.model.path], ["--audit", "--clips-per-cell", "1"]] {
                let found = try command.run(["corpus", "check", command.corpus.path] + arguments)
                XCTAssertEqual(found.code, 2, found.error)
                XCTAssertTrue(found.error.contains(arguments.count == 2 ? "--audit" : "2 to 100000"), found.error)
            }
            let missing = try command.run("corpus", "check", command.corpus.path, "--audit", "--model", "nowhere")
            XCTAssertEqual(missing.code, 2, missing.error)
        }
    }
}
