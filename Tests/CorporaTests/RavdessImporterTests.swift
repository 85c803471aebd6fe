import Corpora
import Foundation
import TestSupport
import XCTest

final class RavdessImporterTests: XCTestCase {
    private func makeLookAlike(_ folder: URL, actors: Int) throws {
        for actor in 1...actors {
            let name = actor < 10 ? "0\(actor)" : "\(actor)"
            let home = folder.appendingPathComponent("Actor_\(name)")
            try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
            for emotion in 1...8 {
                try writeClip(home.appendingPathComponent("03-01-0\(emotion)-01-0\(1 + emotion % 2)-01-\(name).wav"))
            }
        }
    }

    func testLookAlike() throws {
        try withTemporaryFolder { folder in
            let source = folder.appendingPathComponent("source")
            try makeLookAlike(source, actors: 20)
            for transfer in [AudioTransfer.copy, .link] {
                let target = folder.appendingPathComponent("\(transfer)")
                let made = try RavdessImporter().run(from: source, to: target, transfer: transfer).corpus
                let corpus = try Corpus.load(target)
                XCTAssertEqual(corpus.utterances, made.utterances)
                XCTAssertEqual(corpus.utterances.count, 160)
                XCTAssertEqual(corpus.utterances.filter { $0.category == .emotion }.count, 120)
                XCTAssertEqual(corpus.check().problems, [])
                let disgust = try XCTUnwrap(corpus.utterances.first { $0.id == "ravdess-03-01-07-01-02-01-02" })
                XCTAssertEqual(disgust.attribute, "disgusted")
                XCTAssertEqual(disgust.text, "Dogs are sitting by the door.")
                XCTAssertEqual(disgust.voice?["gender"], "female")
                XCTAssertEqual(disgust.speaker, "ravdess-02")
                let calm = try XCTUnwrap(corpus.utterances.first { $0.id == "ravdess-03-01-02-01-01-01-01" })
                XCTAssertNil(calm.category)
                XCTAssertEqual(calm.voice?["emotion"], "calm")
                let splits = Dictionary(grouping: corpus.utterances, by: \.split)
                    .mapValues { Set($0.map(\.speaker)).count }
                XCTAssertEqual(splits, [.train: 14, .validation: 3, .test: 3])
            }
        }
    }

    func testBadLayouts() throws {
        try withTemporaryFolder { folder in
            XCTAssertThrowsError(try RavdessImporter().run(from: folder, to: folder.appendingPathComponent("out")))
            for name in [
                "03-01-09-01-01-01-01", "03-02-01-01-01-01-01", "03-01-01-01-01-01", "03-01-01-03-01-01-01",
                "03-01-01-01-03-01-01", "03-01-01-01-01-01-25", "03-01-01-01-01-01-02", "x",
            ] {
                let source = folder.appendingPathComponent(UUID().uuidString)
                let home = source.appendingPathComponent("Actor_01")
                try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
                try writeClip(home.appendingPathComponent(name + ".wav"))
                XCTAssertThrowsError(try RavdessImporter().run(from: source, to: folder.appendingPathComponent("o"))) {
                    XCTAssertTrue("\($0)".contains(name), "\($0)")
                }
            }
        }
    }

    func testRealRecordings() throws {
        let data =
            ProcessInfo.processInfo.environment["RESURFACE_TEST_DATA"].map { URL(fileURLWithPath: $0) }
            ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
                "../../../shared/data")
        let source = data.appendingPathComponent("ravdess").standardizedFileURL
        guard FileManager.default.fileExists(atPath: source.appendingPathComponent("Actor_01").path) else {
            throw XCTSkip("RAVDESS is not there: put it under RESURFACE_TEST_DATA/ravdess.")
        }
        try withTemporaryFolder { folder in
            let corpus = try RavdessImporter().run(from: source, to: folder, transfer: .link).corpus
            XCTAssertEqual(corpus.utterances.count, 1_200)
            XCTAssertEqual(corpus.utterances.filter { $0.category == .emotion }.count, 960)
            XCTAssertEqual(corpus.utterances.filter { $0.voice?["gender"] == "male" }.count, 600)
            XCTAssertEqual(try Corpus.load(folder).utterances.count, 1_200)
            let few = Corpus(folder: folder, utterances: Array(corpus.utterances.prefix(12)))
            XCTAssertEqual(few.check().problems, [])
        }
    }
}
