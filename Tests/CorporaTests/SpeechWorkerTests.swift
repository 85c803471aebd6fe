import Corpora
import Foundation
import TestSupport
import XCTest

/// The engines that are on this machine, whichever they are.
final class SpeechWorkerTests: XCTestCase {
    func testEveryEngineSpeaksTwiceTheSame() throws {
        guard let environment = try SpeechEnvironment.installed() else {
            throw XCTSkip("The speech environment is not installed: run `resurface corpus build` once.")
        }
        let engines = try environment.engines()
        XCTAssertTrue(engines.isSuperset(of: SpeechEngine.allCases.filter(\.isPackaged)), "\(engines)")
        XCTAssertFalse(engines.contains(.endpoint))
        var options = CorpusPlan.Options()
        (options.parts, options.textsPerCategory) = ([.age], 1)
        let planned = try XCTUnwrap(CorpusPlan(texts: .bundled(), options: options).items.first)
        try withTemporaryFolder { folder in
            let workers = [SpeechWorker(environment), SpeechWorker(environment)]
            for engine in engines {
                let voices = try Voice.named("all").filter { $0.engine == engine }
                let voice = try XCTUnwrap(voices.first { $0.sourceSex == $0.sex }, "\(engine)")
                var job = planned.job
                (job.text, job.engine, job.engineVoice) = ("Where does the old river end?", engine, voice.engineVoice)
                job.process = SpeechProcess()
                let clips = try workers.enumerated().map { i, worker in
                    let url = folder.appendingPathComponent("\(engine)-\(i).wav")
                    let answer = try worker.speak(job, to: url)
                    XCTAssertTrue((0.9...4).contains(answer.seconds), "\(engine): \(answer.seconds) s")
                    XCTAssertEqual(
                        log2(answer.f0 / voice.medianF0), 0, accuracy: 0.35, "\(engine): f0 \(answer.f0) Hz")
                    return try Data(contentsOf: url)
                }
                XCTAssertEqual(clips[0], clips[1], "\(engine)")
                job.engineVoice = "nobody"
                XCTAssertThrowsError(try workers[0].speak(job, to: folder.appendingPathComponent("none.wav"))) {
                    XCTAssertTrue("\($0)".contains("'nobody'"), "\(engine): \($0)")
                }
            }
            func scratch() throws -> Set<String> {
                let all = try FileManager.default.contentsOfDirectory(
                    atPath: FileManager.default.temporaryDirectory.path)
                return Set(all.filter { $0.hasPrefix("speech-") })
            }
            let during = try scratch()
            workers.forEach { $0.stop() }
            XCTAssertLessThanOrEqual(try scratch().intersection(during).count, during.count - 2, "scratch folders stay")
        }
    }
}
