import Corpora
import Foundation
import TestSupport
import XCTest

/// A folder that looks like a data set.
struct LookAlike {
    let folder: URL
    var source: URL { folder.appendingPathComponent("source", isDirectory: true) }
    var target: URL { folder.appendingPathComponent("corpus", isDirectory: true) }

    func write(_ name: String, _ text: String) throws { try write(name, Data(text.utf8)) }

    func write(_ name: String, _ data: Data) throws {
        try data.write(to: place(name))
    }

    func clips(_ names: String...) throws {
        for name in names { try writeClip(place(name), seconds: 0.05) }
    }

    func path(_ name: String) -> URL { source.appendingPathComponent(name) }

    private func place(_ name: String) throws -> URL {
        let url = path(name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        return url
    }

    /// An import does not write over a corpus.
    func clearTarget() throws {
        if FileManager.default.fileExists(atPath: target.path) { try FileManager.default.removeItem(at: target) }
    }

    /// Imports strictly, reads what was written with the strict reader and looks at every clip.
    func corpus(
        _ importer: any CorpusImporter, from name: String = "", file: StaticString = #filePath, line: UInt = #line
    ) throws -> [String: Utterance] {
        try clearTarget()
        let outcome = try importer.run(from: name.isEmpty ? source : path(name), to: target)
        let corpus = try Corpus.load(target)
        XCTAssertEqual(corpus.utterances, outcome.corpus.utterances, file: file, line: line)
        XCTAssertEqual(corpus.check().problems, [], file: file, line: line)
        return Dictionary(uniqueKeysWithValues: corpus.utterances.map { ($0.id, $0) })
    }

    /// The strict import throws these words and writes no corpus; the other one leaves `rejected` lines out and keeps
    /// `kept`, or has nothing to keep and throws.
    func assertRefused(
        _ importer: any CorpusImporter, from name: String = "", says words: [String], kept: Int, rejected: [Int]? = nil,
        file: StaticString = #filePath, line: UInt = #line
    ) throws {
        let source = name.isEmpty ? source : path(name)
        XCTAssertThrowsError(try importer.run(from: source, to: target), file: file, line: line) { error in
            XCTAssertTrue(error is CorpusError, "\(error)", file: file, line: line)
            for word in words {
                XCTAssertTrue("\(error)".contains(word), "no \"\(word)\" in: \(error)", file: file, line: line)
            }
        }
        let written = target.appendingPathComponent("corpus.jsonl").path
        XCTAssertFalse(FileManager.default.fileExists(atPath: written), file: file, line: line)
        guard kept > 0 else {
            XCTAssertThrowsError(try importer.run(from: source, to: target, skipBad: true), file: file, line: line)
            return
        }
        let outcome = try importer.run(from: source, to: target, skipBad: true)
        XCTAssertEqual(outcome.corpus.utterances.count, kept, file: file, line: line)
        XCTAssertEqual(try Corpus.load(target).utterances.count, kept, file: file, line: line)
        if let rejected { XCTAssertEqual(outcome.corpus.rejects.map(\.line), rejected, file: file, line: line) }
        let rejects = try String(contentsOf: target.appendingPathComponent("rejects.jsonl"), encoding: .utf8)
        let count = rejects.split(separator: "\n").count
        XCTAssertEqual(count, outcome.corpus.rejects.count, file: file, line: line)
        XCTAssertGreaterThan(count, 0, file: file, line: line)
        for word in words {
            let quoted = word.replacingOccurrences(of: "\"", with: "\\\"")
            XCTAssertTrue(rejects.contains(quoted), "no \"\(word)\" in: \(rejects)", file: file, line: line)
        }
        try FileManager.default.removeItem(at: target)
    }
}

func withLookAlike(_ body: (LookAlike) throws -> Void) throws {
    try withTemporaryFolder { folder in
        let set = LookAlike(folder: folder)
        try FileManager.default.createDirectory(at: set.source, withIntermediateDirectories: true)
        try body(set)
    }
}
