import Corpora
import LayerAnalysis
import XCTest

final class AnalysisTests: XCTestCase {
    private let source = LayerAnalysis.Source(model: "synthetic", modelHash: "00", corpus: "synthetic")

    /// Age is readable in layers 0-2, intent in layers 3-4: planted, so each probe must find its own and nothing else.
    private func corpus() -> [(Utterance, ClipStates)] {
        var maker = SyntheticStates()
        var states: [(Utterance, ClipStates)] = []
        for text in 0..<40 {
            for (v, age) in ["child", "adult"].enumerated() {
                let u = Utterance(
                    id: "a\(text)\(age)", audio: "", text: "question \(text)", category: .age, attribute: age,
                    speaker: "\(age)\(text % 4)", engine: "e", split: .train,
                    voice: ["gender": text % 2 == 0 ? "female" : "male"])
                states.append((u, maker.clip(encoder: 2) { $0 <= 2 ? [(0, v == 0 ? 4 : -4)] : [] }))
            }
        }
        let intents = ["activate lights", "deactivate lights", "increase heat", "decrease heat"]
        for (k, intent) in intents.enumerated() {
            for phrase in 0..<12 {
                for voice in 0..<2 {
                    let u = Utterance(
                        id: "i\(k)-\(phrase)-\(voice)", audio: "", text: "\(intent) phrase \(phrase)",
                        speaker: "s\(voice)", engine: "e",
                        split: phrase < 8 ? .train : .test, intent: intent)
                    var clip = maker.clip(encoder: 2) { layer in
                        let signal: [(axis: Int, strength: Float)] = [(4 + k, 6)]
                        return (3...4).contains(layer) ? signal : []
                    }
                    clip.top = 9
                    clip.lens = (0..<6).map { $0 >= 4 ? [1, 9, 2] : [1, 2, 3] }
                    clip.lensRaw = clip.lens
                    states.append((u, clip))
                }
            }
        }
        // The lens is asked of intent clips alone; the others carry lists of the same depth.
        return states.map { u, clip in
            var clip = clip
            if clip.lens.isEmpty {
                clip.lens = [[Int32]](repeating: [1, 2, 3], count: 6)
                clip.lensRaw = clip.lens
            }
            return (u, clip)
        }
    }

    func testPlantedSignalsAreFoundWhereTheyAre() throws {
        let report = try LayerAnalysis.run(states: corpus(), source: source)
        let age = try XCTUnwrap(report.analysis(.paralinguisticProbe)?.curve("age"))
        let intent = try XCTUnwrap(report.analysis(.intentProbe)?.curve("intent"))
        let delta = try XCTUnwrap(report.analysis(.intentCosineDifference)?.curve("delta"))
        let lens = try XCTUnwrap(report.analysis(.logitLens)?.curve("norm"))
        for layer in 0..<6 {
            let a = age.layers[layer], i = intent.layers[layer], d = delta.layers[layer]
            if layer <= 2 { XCTAssertGreaterThan(a.value, 0.95) } else { XCTAssertEqual(a.value, 0.5, accuracy: 0.2) }
            if (3...4).contains(layer) {
                XCTAssertGreaterThan(i.value, 0.9)
                XCTAssertGreaterThan(d.low, 0.3)
            } else {
                XCTAssertLessThan(i.value, 0.5)
                XCTAssertEqual(d.value, 0, accuracy: 0.1)
            }
            XCTAssertEqual(a.control ?? 1, 0.5, accuracy: 0.2)
            XCTAssertEqual(i.control ?? 1, 0.25, accuracy: 0.25)
            XCTAssertEqual(d.control ?? 1, 0, accuracy: 0.15)
            XCTAssertEqual(a.chance, 0.5)
            XCTAssertEqual(i.chance, 0.25)
            XCTAssertTrue(a.low <= a.value && a.value <= a.high && a.low < a.high)
            XCTAssertEqual(lens.layers[layer].value, layer >= 4 ? 1 : 0)
        }
        XCTAssertEqual(age.data.n, 80)
        XCTAssertEqual(age.data.groups, 40)
        XCTAssertEqual(intent.data.n, 32)
        XCTAssertEqual(intent.data.resamples, 1)
        XCTAssertEqual(delta.data.groups, 2)
        XCTAssertNotNil(report.analysis(.declaredAgeCosine)?.absent)
        XCTAssertEqual(report.encoder.map(\.name), ["gender"])
        XCTAssertEqual(report.encoder.first?.layers.count, 2)
        XCTAssertEqual(report.decoder.first?.layers.count, 6)
    }

    func testSameSeedSameBytesAndRoundTrip() throws {
        let states = corpus()
        let report = try LayerAnalysis.run(states: states, source: source)
        let again = try LayerAnalysis.run(states: states, source: source)
        XCTAssertEqual(try report.encoded(), try again.encoded())
        let read = try LayersReport(data: report.encoded(), name: "layers.json")
        XCTAssertEqual(read, report)
        XCTAssertEqual(try read.tunedRange(forModelHash: "00", layers: 6), report.tunedRange)
        XCTAssertThrowsError(try read.tunedRange(forModelHash: "01", layers: 6))
        XCTAssertThrowsError(try read.tunedRange(forModelHash: "00", layers: 7))
    }

    func testIntentResamplesDrawFewClips() throws {
        var options = AnalysisOptions()
        options.trainPerClass = 3
        let intent = try XCTUnwrap(IntentProbe.run(corpus(), options).curve("intent"))
        XCTAssertEqual(intent.data.resamples, 5)
        XCTAssertEqual(intent.data.trainClips, 12)
        XCTAssertGreaterThan(intent.layers[3].low, 0.4)
        XCTAssertLessThan(intent.layers[0].value, 0.4)
    }

    func testSpeakersCanBeHeldOut() throws {
        var options = AnalysisOptions()
        options.heldOut = .speakers
        let age = try XCTUnwrap(ParalinguisticProbe.run(corpus(), options).curve("age"))
        XCTAssertEqual(age.data.unit, "speakers")
        XCTAssertEqual(age.data.groups, 8)
        XCTAssertGreaterThan(age.layers[0].value, 0.95)
    }

    func testShuffledControlWithFewSpeakersIsAtChance() throws {
        // 20 speakers of one gender each: permuting over both sides of a fold would put the control far below chance.
        var maker = SyntheticStates(layers: 1, width: 40)
        var states: [(Utterance, ClipStates)] = []
        for speaker in 0..<20 {
            let own = maker.noise(3)
            for clip in 0..<10 {
                let u = Utterance(
                    id: "\(speaker)-\(clip)", audio: "", text: "t\(clip)", speaker: "s\(speaker)", engine: "e",
                    split: .train,
                    voice: ["gender": speaker % 2 == 0 ? "f" : "m"])
                var state = maker.noise()
                for j in state.indices { state[j] += own[j] }
                states.append((u, ClipStates(pooled: [state], encoder: [], lens: [], lensRaw: [], top: 0)))
            }
        }
        var options = AnalysisOptions()
        options.controls = 20
        let found = try XCTUnwrap(VoiceProbe(name: "gender", key: "gender").run(.decoder, states, options))
        XCTAssertEqual(found.layers[0].control ?? 0, 0.5, accuracy: 0.08)
    }

    func testWrongStatesAreNamed() {
        XCTAssertThrowsError(try LayerAnalysis.run(states: [], source: source))
        var states = corpus()
        states[5].1.pooled[2][3] = .nan
        XCTAssertThrowsError(try LayerAnalysis.run(states: states, source: source)) {
            XCTAssertTrue("\($0)".contains(states[5].0.id) && "\($0)".contains("layer 2"), "\($0)")
        }
        states = corpus()
        states[6].1.pooled.removeLast()
        XCTAssertThrowsError(try LayerAnalysis.run(states: states, source: source)) {
            XCTAssertTrue($0 is LayerAnalysisError)
        }
    }

    func testStops() {
        XCTAssertThrowsError(try LayerAnalysis.run(states: corpus(), source: source, shouldStop: { true })) {
            XCTAssertTrue($0 is CancellationError)
        }
    }
}
