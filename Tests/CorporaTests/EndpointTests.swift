import Corpora
import Foundation
import Speech
import TestSupport
import XCTest

final class EndpointTests: XCTestCase {
    private static let names = "a:female,b:male,c:female,d:male,e:female,f:male"

    private func plan(
        _ url: String, voices: [Voice]? = nil, parts: Set<CorpusPlan.Part> = [.age, .emotion], texts: Int = 2
    ) throws
        -> CorpusPlan
    {
        var options = CorpusPlan.Options()
        options.parts = parts
        options.textsPerCategory = texts
        options.endpoint = try SpeechEndpoint(url: url, model: "m")
        return try CorpusPlan(texts: .bundled(), voices: voices ?? SpeechEndpoint.voices(Self.names), options: options)
    }

    func testThePlanSaysHowToSpeak() throws {
        let items = try plan("https://host/v1").items
        XCTAssertTrue(items.allSatisfy { $0.utterance.engine == "endpoint" && $0.job.endpoint?.model == "m" })
        for item in items {
            let told = try XCTUnwrap(item.job.instructions), attribute = try XCTUnwrap(item.utterance.attribute)
            switch attribute {
            case "child": XCTAssertTrue(told.contains("child"), told)
            case "adult": XCTAssertTrue(told.contains("adult") && told.contains("neutral"), told)
            default: XCTAssertTrue(told.hasPrefix("Speak in a ") && told.hasSuffix("\(attribute) tone."), told)
            }
            // No formant, pitch or timing of a child or an emotion is put on it.
            XCTAssertEqual(item.job.process.formant, 1, accuracy: 0.031)
            XCTAssertEqual(item.job.process.shift, 0, accuracy: 1)
            XCTAssertEqual([item.job.process.range, item.job.process.slope, item.job.process.alpha], [1, 0, 0])
        }
        // Voices of the test are not in training.
        let trained = Set(items.filter { $0.utterance.split == .train }.map(\.utterance.speaker))
        XCTAssertTrue(trained.isDisjoint(with: items.filter { $0.utterance.split == .test }.map(\.utterance.speaker)))
        // Beside the packaged voices it takes its turn, and those are not told anything.
        let mixed = try plan("https://host/v1", voices: Voice.packaged + SpeechEndpoint.voices(Self.names), texts: 40)
            .items
        XCTAssertEqual(Set(mixed.map(\.job.engine)).count, 4)
        XCTAssertTrue(mixed.allSatisfy { ($0.job.engine == .endpoint) == ($0.job.instructions != nil) })
        XCTAssertThrowsError(try plan("https://host", voices: SpeechEndpoint.voices("a:female"))) {
            XCTAssertTrue("\($0)".contains("split"), "\($0)")
        }
    }

    func testWrongAddressesAndVoices() {
        for url in [
            "", "host", "ftp://host", "file:///etc/passwd", "https://u:secret@host", "https://host/?k=1", "http://",
        ] {
            XCTAssertThrowsError(try SpeechEndpoint(url: url, model: "m"), url) {
                XCTAssertFalse("\($0)".contains("secret"), "\($0)")
            }
        }
        XCTAssertThrowsError(try SpeechEndpoint(url: "https://host", model: ""))
        for names in ["a", "a:woman", ":male", "a:male,a:female", "a:male:x"] {
            XCTAssertThrowsError(try SpeechEndpoint.voices(names), names)
        }
    }

    /// A server of this machine that speaks, stumbles, lies and breaks off.
    func testTheServersAnswers() throws {
        guard let environment = try SpeechEnvironment.installed() else {
            throw XCTSkip("The speech environment is not installed: run `resurface corpus build` once.")
        }
        setenv("OPENAI_API_KEY", "sk-very-secret", 1)
        setenv("RESURFACE_ENDPOINT_WAIT", "0.01", 1)
        defer {
            unsetenv("OPENAI_API_KEY")
            unsetenv("RESURFACE_ENDPOINT_WAIT")
        }
        try withTemporaryFolder { folder in
            guard let server = try EndpointServer(in: folder) else { throw XCTSkip("there is no python3") }
            let plan = try plan(server.url + "/v1", parts: [.emotion])
            let first = try XCTUnwrap(plan.items.first)
            func job(_ voice: String, url: String? = nil) throws -> SpeechJob {
                var job = first.job
                job.engineVoice = voice
                if let url { job.endpoint = try SpeechEndpoint(url: url, model: "m") }
                return job
            }
            let worker = SpeechWorker(environment), out = folder.appendingPathComponent("clip.wav")
            for voice in ["good", "stereo", "streamed", "flaky"] {
                XCTAssertGreaterThan(try worker.speak(job(voice), to: out).seconds, 0.9, voice)
                XCTAssertEqual(try AudioFile.read(out).sampleRate, 16_000)
                try FileManager.default.removeItem(at: out)
            }
            for (voice, expected) in [
                ("html", "text/html"), ("huge", "more than 33554432 bytes"), ("truncated", "bytes came"),
                ("cut", "of 24000 samples"), ("silent", "silence"), ("float", "not a WAV"), ("redirect", "redirect"),
                ("forbidden", "HTTP 401 wrong key Bearer ..."), ("rude", "no proper HTTP answer"), ("down", "HTTP 503"),
            ] {
                XCTAssertThrowsError(try worker.speak(job(voice), to: out), voice) {
                    XCTAssertTrue("\($0)".contains(expected), "\(voice): \($0)")
                    XCTAssertFalse("\($0)".contains("secret"), "\($0)")
                }
                XCTAssertFalse(FileManager.default.fileExists(atPath: out.path), voice)
            }
            // The key does not go over an open line to another machine; nobody is there.
            XCTAssertThrowsError(try worker.speak(job("good", url: "http://192.0.2.1"), to: out)) {
                XCTAssertTrue("\($0)".contains("https") && !"\($0)".contains("secret"), "\($0)")
            }
            // Nor to a proxy, where the service is on this machine; nobody is at this one.
            setenv("http_proxy", "http://127.0.0.1:9", 1)
            defer { unsetenv("http_proxy") }
            XCTAssertGreaterThan(try SpeechWorker(environment).speak(job("good"), to: out).seconds, 0.9)
            try FileManager.default.removeItem(at: out)
            XCTAssertThrowsError(try worker.speak(job("good", url: "http://127.0.0.1:9"), to: out)) {
                XCTAssertTrue("\($0)".contains("no connection"), "\($0)")
            }
            let asked = try XCTUnwrap(server.requests.first), body = try XCTUnwrap(asked["body"] as? [String: String])
            XCTAssertEqual(asked["path"] as? String, "/v1/audio/speech")
            XCTAssertEqual(asked["authorization"] as? String, "Bearer sk-very-secret")
            XCTAssertEqual(body["input"], first.job.text)
            XCTAssertEqual(body["response_format"], "wav")
            XCTAssertEqual(body["instructions"], first.job.instructions)
            XCTAssertEqual(server.requests.filter { ($0["body"] as? [String: String])?["voice"] == "flaky" }.count, 3)
        }
    }

    /// A corpus of it: what was answered is not asked again, and a service that only fails is left in peace.
    func testABuiltCorpus() throws {
        guard let environment = try SpeechEnvironment.installed() else {
            throw XCTSkip("The speech environment is not installed: run `resurface corpus build` once.")
        }
        try withTemporaryFolder { folder in
            guard let server = try EndpointServer(in: folder) else { throw XCTSkip("there is no python3") }
            let plan = try plan(server.url), corpus = folder.appendingPathComponent("corpus")
            let builder = CorpusBuilder(plan: plan, folder: corpus, environment: environment)
            XCTAssertEqual(try builder.build(workers: 2).spoken, plan.items.count)
            XCTAssertEqual(server.requests.count, plan.items.count)
            XCTAssertEqual(try builder.build(workers: 2).kept, plan.items.count)
            XCTAssertEqual(server.requests.count, plan.items.count)
            XCTAssertEqual(try Corpus.load(corpus).check().problems, [])
            for file in try FileManager.default.subpathsOfDirectory(atPath: corpus.path) where file.hasSuffix(".jsonl")
            {
                let text = try String(contentsOf: corpus.appendingPathComponent(file), encoding: .utf8)
                XCTAssertFalse(text.contains("127.0.0.1"), "a corpus does not say whom it asked")
            }
        }
        // Workers wait for the service most of the time: more of them than cores ask at once.
        try withTemporaryFolder { folder in
            guard let server = try EndpointServer(in: folder) else { throw XCTSkip("there is no python3") }
            var plan = try plan(server.url)
            plan.items = Array(plan.items.prefix(5))
            for i in plan.items.indices { plan.items[i].job.engineVoice = "crowd" }
            let corpus = folder.appendingPathComponent("corpus")
            let builder = CorpusBuilder(plan: plan, folder: corpus, environment: environment)
            XCTAssertEqual(try builder.build(workers: 5).spoken, 5)
        }
        try withTemporaryFolder { folder in
            guard let server = try EndpointServer(in: folder) else { throw XCTSkip("there is no python3") }
            var plan = try plan(server.url, parts: [.age, .gender, .emotion, .safety, .intents])
            for i in plan.items.indices { plan.items[i].job.engineVoice = "forbidden" }
            XCTAssertGreaterThan(plan.items.count, 200)
            let builder = CorpusBuilder(plan: plan, folder: folder, environment: environment)
            XCTAssertThrowsError(try builder.build(workers: 2)) { XCTAssertTrue("\($0)".contains("HTTP 401"), "\($0)") }
            XCTAssertLessThanOrEqual(server.requests.count, 26)
        }
    }
}
