import Corpora
import Foundation
import LayerAnalysis
import TestSupport
import XCTest

final class AuditTests: XCTestCase {
    private func audit(_ made: AuditCorpus, options: AuditOptions = AuditOptions()) throws -> AuditReport {
        try withTemporaryFolder { folder in
            try made.write(to: folder)
            return try CorpusAudit.run(Corpus.load(folder), options: options)
        }
    }

    private func finding(_ report: AuditReport, _ check: AuditFinding.Check, _ subject: String) throws -> AuditFinding {
        try XCTUnwrap(
            report.findings.first { $0.check == check && $0.subject == subject },
            "\(check) \(subject) of \(report.findings.map(\.subject))")
    }

    func testACleanCorpusPasses() throws {
        let report = try audit(AuditCorpus())
        XCTAssertEqual(report.problems.map { "\($0.check) \($0.subject) \($0.figures)" }, [])
        XCTAssertEqual(report.unreadable, [])
        XCTAssertEqual(report.clips, 180)
        XCTAssertEqual(try finding(report, .engines, "train age").verdict, .passed)
        let residue = try finding(report, .residue, "quiet")
        // One corpus in forty is warned of by chance.
        XCTAssertNotEqual(residue.verdict, .problem, "\(residue)")
        let figure = try XCTUnwrap(residue.figures.first)
        XCTAssertEqual(figure.chance ?? 0, 0.5, accuracy: 0.01)
        XCTAssertEqual(figure.control ?? 0, 0.5, accuracy: 0.2)
        XCTAssertEqual(figure.groups, 18)
        XCTAssertGreaterThanOrEqual(figure.n, 40)
        // The pitch tells the age on engines that the probe has not heard.
        let age = try finding(report, .engineLeftOut, "age, spectrum")
        XCTAssertEqual(age.verdict, .passed)
        XCTAssertEqual(age.figures.count, 6)
        for figure in age.figures { XCTAssertGreaterThan(figure.value, 0.85, figure.name) }
        XCTAssertEqual(try finding(report, .measure, "age, sampleRate").statement, "the same in all clips")
        XCTAssertEqual(try finding(report, .splits, "speakers").verdict, .passed)
    }

    func testAnEngineThatSpeaksAllChildren() throws {
        let report = try audit(AuditCorpus(.engineOfChildren))
        let counts = try finding(report, .engines, "train age")
        XCTAssertEqual(counts.verdict, .problem)
        XCTAssertEqual(counts.figures.map(\.value), [1, 1])
        XCTAssertEqual(try finding(report, .engines, "train gender").verdict, .passed)
        // Without the engine of the children there are only adults to learn from.
        let left = try finding(report, .engineLeftOut, "age, spectrum")
        XCTAssertEqual(left.verdict, .problem)
        XCTAssertTrue(left.listed.contains("engine0"), "\(left)")
    }

    func testAHumUnderOneCategory() throws {
        let found = try finding(audit(AuditCorpus(.hum)), .residue, "quiet")
        XCTAssertEqual(found.verdict, .problem)
        XCTAssertGreaterThan(found.figures.first?.low ?? 0, 0.75)
        XCTAssertLessThan(found.figures.first?.control ?? 1, 0.75)
    }

    func testSilenceIsAProblemAndLevelAWarning() throws {
        let silence = try finding(audit(AuditCorpus(.silence)), .measure, "age, leadingSilence")
        XCTAssertEqual(silence.verdict, .problem)
        XCTAssertGreaterThan(silence.figures.first?.low ?? 0, 0.7)
        let means = silence.figures.dropFirst().map(\.value)
        XCTAssertEqual(means.first.map { $0 - (means.last ?? 0) } ?? 0, 0.08, accuracy: 0.02)
        let level = try finding(audit(AuditCorpus(.level)), .measure, "age, level")
        XCTAssertEqual(level.verdict, .warning)
        XCTAssertGreaterThan(level.figures.first?.low ?? 0, 0.75)
    }

    func testSpeakersInTwoSplits() throws {
        let spoken = try finding(audit(AuditCorpus(.speakers)), .splits, "speakers")
        XCTAssertEqual(spoken.verdict, .problem)
        XCTAssertEqual(spoken.listed.count, 6)
        XCTAssertTrue(spoken.listed[0].contains("engine0-train-female: test, train, validation"), spoken.listed[0])
        var recorded = AuditCorpus(.speakers)
        recorded.engine = "human"
        let report = try audit(recorded)
        XCTAssertEqual(try finding(report, .splits, "speakers").verdict, .warning)
        XCTAssertEqual(try finding(report, .engines, "train age").statement, "one engine speaks all")
        XCTAssertEqual(try finding(report, .engineLeftOut, "age, quiet").verdict, .notTested)
    }

    func testSameSeedSameReportAndCap() throws {
        try withTemporaryFolder { folder in
            try AuditCorpus().write(to: folder)
            let corpus = try Corpus.load(folder)
            var options = AuditOptions()
            options.clipsPerCell = 6
            let first = try CorpusAudit.run(corpus, options: options)
            XCTAssertEqual(first, try CorpusAudit.run(corpus, options: options))
            XCTAssertEqual(first.clips, 6 * 3 * (2 + 2) + corpus.utterances.filter { $0.category == .emotion }.count)
            options.seed = 1
            XCTAssertNotEqual(first.findings, try CorpusAudit.run(corpus, options: options).findings)
            options.folds = 1
            XCTAssertThrowsError(try CorpusAudit.run(corpus, options: options)) {
                XCTAssertTrue("\($0)".contains("folds is 1"), "\($0)")
            }
        }
    }

    func testUnreadableClipsAndStopping() throws {
        try withTemporaryFolder { folder in
            try AuditCorpus().write(to: folder)
            try Data("RIFF".utf8).write(to: folder.appendingPathComponent("audio/age-train-0-child.wav"))
            let corpus = try Corpus.load(folder)
            let report = try CorpusAudit.run(corpus)
            XCTAssertEqual(report.unreadable.count, 1)
            XCTAssertTrue(report.unreadable[0].hasPrefix("age-train-0-child"))
            XCTAssertEqual(report.clips, 179)
            var steps = 0
            XCTAssertThrowsError(
                try CorpusAudit.run(corpus, progress: { _, _, _ in steps += 1 }, shouldStop: { steps >= 3 })
            ) { XCTAssertTrue($0 is CancellationError) }
            XCTAssertEqual(steps, 3)
        }
    }

    /// Nothing to compare is no error: a corpus without labels, of one split, of two clips.
    func testCorporaWithoutLabels() throws {
        try withTemporaryFolder { folder in
            var made = AuditCorpus()
            made.texts = [("train", 1)]
            try made.write(to: folder)
            var corpus = try Corpus.load(folder)
            let few = try CorpusAudit.run(corpus)
            XCTAssertEqual(few.problems, [])
            XCTAssertEqual(try finding(few, .residue, "quiet").verdict, .notTested)
            XCTAssertEqual(try finding(few, .splits, "texts and voices").verdict, .notTested)
            for index in corpus.utterances.indices {
                (corpus.utterances[index].category, corpus.utterances[index].attribute) = (nil, nil)
            }
            let none = try CorpusAudit.run(corpus)
            XCTAssertEqual(none.clips, 0)
            XCTAssertTrue(none.findings.allSatisfy { $0.verdict == .notTested })
        }
    }

    /// Speakers that nobody named are one: no reason to end without a report. And where most clips have one value, guessing it
    /// is the chance.
    func testOneSpeakerAndAValueThatMostClipsHave() throws {
        try withTemporaryFolder { folder in
            try AuditCorpus().write(to: folder)
            var corpus = try Corpus.load(folder)
            var children = 0
            corpus.utterances.removeAll { clip in
                guard clip.attribute == "child" else { return false }
                children += 1
                return children % 3 != 0
            }
            let uneven = try CorpusAudit.run(corpus)
            let age = try finding(uneven, .engineLeftOut, "age, spectrum")
            XCTAssertFalse(age.figures.isEmpty)
            for figure in age.figures { XCTAssertEqual(figure.chance ?? 0, 0.75, accuracy: 0.01, figure.name) }
            for index in corpus.utterances.indices { corpus.utterances[index].speaker = "unknown" }
            let one = try CorpusAudit.run(corpus)
            XCTAssertEqual(try finding(one, .engineLeftOut, "age, spectrum").verdict, .notTested)
        }
    }

    func testDependence() {
        // Two engines, two values: 3 and 1, 1 and 3. H = ln 2; H(value | engine) = H(1/4).
        let found = Dependence(of: [0, 0, 0, 1, 0, 1, 1, 1], from: [0, 0, 0, 0, 1, 1, 1, 1])
        let rest = -(0.75 * log(0.75) + 0.25 * log(0.25))
        XCTAssertEqual(found.share, 1 - rest / log(2), accuracy: 1e-12)
        XCTAssertEqual(found.accuracy, 0.75)
        XCTAssertEqual(Dependence(of: [0, 1, 0, 1], from: [0, 0, 1, 1]).share, 0, accuracy: 1e-12)
        XCTAssertEqual(Dependence(of: [0, 1], from: [0, 1]).share, 1, accuracy: 1e-12)
        XCTAssertEqual(Dependence(of: [1, 1], from: [0, 1]).share, 0)
    }

    func testBinnedClassifier() {
        let values = (0..<80).map(Double.init)
        let band = BinnedClassifier(values, labels: values.map { (20..<40).contains($0) ? 1 : 0 })
        XCTAssertEqual([5.0, 25, 35, 55, 1000, -3].map(band.guess), [0, 1, 1, 0, 0, 0])
        let constant = BinnedClassifier([1, 1, 1], labels: [2, 2, 0])
        XCTAssertEqual([0.0, 1, 2].map(constant.guess), [2, 2, 2])
    }
}
