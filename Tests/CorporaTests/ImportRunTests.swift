import Corpora
import Foundation
import XCTest

/// What is alike for all layouts.
final class ImportRunTests: XCTestCase {
    func testLinksAreFollowedAndNothingPointsOutside() throws {
        try withLookAlike { set in
            try writeClip(set.folder.appendingPathComponent("elsewhere.wav"))
            try set.write("list.csv", "audio,text\nlink.wav,One\n")
            try FileManager.default.createSymbolicLink(
                at: set.path("link.wav"), withDestinationURL: set.folder.appendingPathComponent("elsewhere.wav"))
            for transfer in [AudioTransfer.copy, .link] {
                try set.clearTarget()
                _ = try TableImporter().run(from: set.source, to: set.target, transfer: transfer)
                let clip = set.target.appendingPathComponent("audio/link.wav")
                XCTAssertEqual(
                    try FileManager.default.attributesOfItem(atPath: clip.path)[.type] as? FileAttributeType,
                    .typeRegular)
                XCTAssertEqual(try Corpus.load(set.target).check().problems, [])
            }
            try FileManager.default.removeItem(at: set.path("link.wav"))
            try FileManager.default.createSymbolicLink(
                at: set.path("link.wav"), withDestinationURL: set.path("link.wav"))  // a loop
            try FileManager.default.removeItem(at: set.target)
            try set.assertRefused(TableImporter(), says: ["list.csv:2", "found none at"], kept: 0)
        }
    }

    /// Nor is anything else written into it.
    func testACorpusIsNotOverwritten() throws {
        try withLookAlike { set in
            try set.clips("a.wav", "b.wav")
            try set.write("list.csv", "audio,text\na.wav,One\n")
            _ = try TableImporter().run(from: set.source, to: set.target)
            func content() throws -> [String: Data] {
                let names = try FileManager.default.subpathsOfDirectory(atPath: set.target.path)
                return try Dictionary(
                    uniqueKeysWithValues: names.filter { $0.contains(".") }.map {
                        ($0, try Data(contentsOf: set.target.appendingPathComponent($0)))
                    })
            }
            let before = try content()
            XCTAssertEqual(Set(before.keys), ["corpus.jsonl", "audio/a.wav"])
            try set.write("list.csv", "audio,text\nb.wav,Two\nnone.wav,Three\n")
            for skipBad in [false, true] {
                XCTAssertThrowsError(try TableImporter().run(from: set.source, to: set.target, skipBad: skipBad)) {
                    XCTAssertTrue("\($0)".contains("holds a corpus already"), "\($0)")
                }
            }
            XCTAssertThrowsError(try CorpusBuilder.check(set.target)) {
                XCTAssertTrue("\($0)".contains("not built here"), "\($0)")
            }
            XCTAssertEqual(try content(), before)
            try set.clearTarget()
            XCTAssertNoThrow(try CorpusBuilder.check(set.target))
        }
    }

    func testNames() throws {
        try withLookAlike { set in
            let names = [
                "a/x.wav", "b/x.wav", "c/X.WAV", "d/x-2.wav", "e/\u{e9} y.wav", "f/.hidden.wav", "g/\(long).wav",
            ]
            for name in names { try set.clips(name) }
            try set.write("list.csv", "audio,text\n" + names.map { "\($0),T\n" }.joined())
            let outcome = try TableImporter().run(from: set.source, to: set.target)
            XCTAssertEqual(
                outcome.corpus.utterances.map(\.audio),
                [
                    "audio/x.wav", "audio/x-2.wav", "audio/X-3.WAV", "audio/x-2-2.wav", "audio/__y.wav",
                    "audio/_hidden.wav", "audio/\(long.prefix(120)).wav",
                ])
            XCTAssertEqual(try Corpus.load(set.target).check().problems, [])
        }
    }

    func testManyClips() throws {
        try withLookAlike { set in
            try set.clips("0.wav")
            for n in 1..<2_001 {
                try FileManager.default.linkItem(at: set.path("0.wav"), to: set.path("\(n).wav"))
            }
            try set.write("list.csv", "audio,text\n" + (0..<2_001).map { "\($0).wav,T\n" }.joined())
            let outcome = try TableImporter().run(from: set.source, to: set.target, transfer: .link)
            let names = outcome.corpus.utterances.map(\.audio)
            XCTAssertEqual(
                [names[0], names[1_999], names[2_000]], ["audio/0/0.wav", "audio/0/1999.wav", "audio/1/2000.wav"])
            XCTAssertEqual(try Corpus.load(set.target).utterances.count, 2_001)
        }
    }

    private let long = String(repeating: "n", count: 200)

    func testTheSourceIsNotWrittenInto() throws {
        try withLookAlike { set in
            try set.clips("a.wav")
            try set.write("list.csv", "audio,text\na.wav,One\n")
            for source in [set.source, set.path("list.csv")] {
                XCTAssertThrowsError(try TableImporter().run(from: source, to: set.source)) {
                    XCTAssertTrue("\($0)".contains("another folder"), "\($0)")
                }
            }
            XCTAssertEqual(
                try FileManager.default.contentsOfDirectory(atPath: set.source.path).sorted(), ["a.wav", "list.csv"])
        }
    }

    /// A recording that lies where a copy would go is not written over, whether copied or linked; and what a verification dropped
    /// of an earlier corpus does not come back in this one.
    func testNoRecordingIsWrittenOver() throws {
        try withLookAlike { set in
            try set.clips("audio/s1/a.wav", "audio/a.wav", "lists/b.wav")
            try Data("other".utf8).write(to: set.path("audio/a.wav"))
            let before = try Data(contentsOf: set.path("audio/a.wav"))
            try set.write("lists/t.csv", "audio,text\naudio/s1/a.wav,One\n")
            for transfer in [AudioTransfer.copy, .link] {
                XCTAssertThrowsError(
                    try TableImporter(audioFolder: set.source).run(
                        from: set.path("lists/t.csv"), to: set.source, transfer: transfer)
                ) { XCTAssertTrue("\($0)".contains("is there already"), "\($0)") }
                XCTAssertEqual(try Data(contentsOf: set.path("audio/a.wav")), before)
            }
            try set.write("list.csv", "audio,text\naudio/s1/a.wav,One\n")
            try FileManager.default.createDirectory(at: set.target, withIntermediateDirectories: true)
            let dropped = set.target.appendingPathComponent(Corpus.droppedName)
            try Data("{}\n".utf8).write(to: dropped)
            _ = try TableImporter().run(from: set.source, to: set.target)
            XCTAssertFalse(FileManager.default.fileExists(atPath: dropped.path))
        }
    }

    /// Stopped at any clip, then run again: the same as at once.
    func testStopped() throws {
        try withLookAlike { set in
            var text = "audio,text\n"
            for n in 0..<5 {
                try set.clips("\(n).wav")
                text += "\(n).wav,Text \(n)\n"
            }
            try set.write("list.csv", text)
            for stop in 0..<10 {
                var asked = 0
                XCTAssertThrowsError(
                    try TableImporter().run(
                        from: set.source, to: set.target,
                        shouldStop: {
                            asked += 1
                            return asked > stop
                        })
                ) { XCTAssertTrue($0 is CancellationError, "\($0)") }
                let written = set.target.appendingPathComponent("corpus.jsonl").path
                XCTAssertFalse(FileManager.default.fileExists(atPath: written))
            }
            XCTAssertEqual(try set.corpus(TableImporter()).count, 5)
        }
    }

    func testOptionsOfOtherLayouts() throws {
        var options = ImportLayout.Options()
        options.audioFolder = URL(fileURLWithPath: "/tmp")
        XCTAssertThrowsError(try ImportLayout.fsc.importer(options))
        XCTAssertNoThrow(try ImportLayout.kimi.importer(options))
        options = ImportLayout.Options()
        options.table.words = ["split": ["dev": "validation"]]
        XCTAssertThrowsError(try ImportLayout.messages.importer(options))
        XCTAssertNoThrow(try ImportLayout.csv.importer(options))
        for layout in ImportLayout.allCases { XCTAssertTrue(ImportLayout.help.contains(layout.rawValue)) }
    }
}
