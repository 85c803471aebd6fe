import Corpora
import Foundation
import TestSupport
import XCTest

final class CorpusPlanTests: XCTestCase {
    func testSameOptionsSamePlan() throws {
        let texts = try CorpusTexts.bundled()
        let first = try CorpusPlan(texts: texts)
        XCTAssertEqual(first.items, try CorpusPlan(texts: texts).items)
        var other = CorpusPlan.Options()
        other.seed = 2
        let second = try CorpusPlan(texts: texts, options: other)
        XCTAssertEqual(first.items.map(\.utterance.id), second.items.map(\.utterance.id))
        XCTAssertNotEqual(first.items.map(\.job), second.items.map(\.job))
        XCTAssertEqual(Set(first.items.map(\.utterance.id)).count, first.items.count)
    }

    /// A quick corpus is a part of the whole one: the same clips under the same names.
    func testFewerTextsAreASubset() throws {
        let texts = try CorpusTexts.bundled()
        let whole = try CorpusPlan(texts: texts)
        var options = CorpusPlan.Options()
        options.textsPerCategory = 12
        let part = try CorpusPlan(texts: texts, options: options)
        let byId = Dictionary(uniqueKeysWithValues: whole.items.map { ($0.utterance.id, $0) })
        for item in part.items { XCTAssertEqual(item, byId[item.utterance.id]) }
        let training = part.items.filter { $0.utterance.category == .age && $0.utterance.split == .train }
        XCTAssertEqual(Set(training.map(\.utterance.text)).count, 12)
        (options.heldOutTexts, options.validationTexts) = (7, 3)
        for (split, count) in [(Split.train, 12), (.validation, 3), (.test, 7)] {
            let own = try CorpusPlan(texts: texts, options: options).items.map(\.utterance).filter {
                $0.category == .gender && $0.split == split
            }
            XCTAssertEqual(Set(own.map(\.text)).count, count, "\(split)")
        }
    }

    /// The confounds of DATA: no engine and no voice gives an attribute away, and no voice is heard in two splits.
    func testNothingButTheVoiceTells() throws {
        let items = try CorpusPlan(texts: CorpusTexts.bundled()).items.map(\.utterance)
        for category in [Category.age, .gender, .emotion] {
            for split in Split.allCases {
                let clips = items.filter { $0.category == category && $0.split == split && $0.scenario == nil }
                XCTAssertEqual(Set(clips.map(\.engine)), ["hibari", "piper", "espeak"], "\(category) \(split)")
                // Each text in two values, by the same engines; by the same speakers, but for gender.
                for (text, all) in Dictionary(grouping: clips, by: \.text) {
                    let values = Dictionary(grouping: all, by: { $0.attribute ?? "" }).values.map { $0 }
                    XCTAssertEqual(values.count, 2, text)
                    XCTAssertEqual(values.map(\.count), [1, 1], text)
                    XCTAssertEqual(values.first?.map(\.engine), values.last?.map(\.engine), text)
                    XCTAssertEqual(
                        values.first?.map(\.speaker) == values.last?.map(\.speaker), category != .gender, text)
                    XCTAssertEqual(Set(all.map(\.speaker)).count, all.count / (category == .gender ? 1 : 2), text)
                }
            }
        }
        var splits: [String: Set<Split>] = [:]
        for item in items where item.declaredAge == nil {
            splits[item.speaker, default: []].insert(item.split)
        }
        for (speaker, heard) in splits { XCTAssertEqual(heard.count, 1, speaker) }
        for item in items {
            XCTAssertEqual(
                Set((item.voice ?? [:]).keys).subtracting(["intensity"]), ["age", "gender", "emotion", "base"])
            if let category = item.category { XCTAssertEqual(item.voice?[category.rawValue], item.attribute) }
        }
    }

    /// However few texts there are, the engines have the same shares in every category: they tell neither it nor a value.
    func testEnginesShareFewTextsEvenly() throws {
        let texts = try CorpusTexts.bundled()
        for (count, clear) in [(5, 2), (10, 4), (40, 16), (100, 40), (160, 64)] {
            var options = CorpusPlan.Options()
            options.parts = [.age, .gender, .emotion]
            options.textsPerCategory = count
            let items = try CorpusPlan(texts: texts, options: options).items.map(\.utterance)
            for category in [Category.age, .gender, .emotion] {
                let clips = items.filter { $0.category == category && $0.split == .train }
                let shares = Dictionary(grouping: clips, by: \.engine).mapValues(\.count)
                XCTAssertEqual(
                    shares, ["hibari": 2 * clear, "piper": 2 * clear, "espeak": clear], "\(category) of \(count)")
            }
        }
    }

    /// One of the 18,000 clips of the alignment was drawn past it: the whole corpus failed.
    func testNoVoiceIsMovedFurtherThanTheWorkerCan() throws {
        var options = CorpusPlan.Options()
        options.parts = [.alignment]
        let items = try CorpusPlan(texts: CorpusTexts.bundled(), options: options).items
        let shifts = items.map(\.job.process.shift)
        XCTAssertTrue(shifts.allSatisfy { (-24...30).contains($0) }, "\(shifts.min() ?? 0) to \(shifts.max() ?? 0)")
        XCTAssertTrue(shifts.contains(30), "the limit is reached")
    }

    func testChildrenAndEmotionsStayWithinTheirRanges() throws {
        for item in try CorpusPlan(texts: CorpusTexts.bundled()).items {
            let process = item.job.process
            let voice = try XCTUnwrap(Voice.packaged.first { $0.id == item.utterance.speaker })
            let f0 = voice.medianF0 * exp2(process.shift / 12)
            if item.utterance.voice?["age"] == "child" {
                XCTAssertTrue((240...340).contains(f0), "\(item.utterance.id): \(f0)")
                XCTAssertTrue((voice.sourceSex == .male ? 1.35...1.5 : 1.15...1.3).contains(process.formant))
            }
            XCTAssertTrue((64...525).contains(f0), "\(item.utterance.id): \(f0)")
            XCTAssertTrue((0.75...1.55).contains(process.formant))
            XCTAssertTrue((0.8...1.8).contains(process.duration))
            XCTAssertTrue((-50 ... -12).contains(process.level))
        }
    }

    func testDeclaredAgesShareOneVoice() throws {
        var options = CorpusPlan.Options()
        options.parts = [.declared]
        let texts = try CorpusTexts.bundled()
        let items = try CorpusPlan(texts: texts, options: options).items
        XCTAssertEqual(items.count, 4 * texts.safety.count)
        XCTAssertEqual(Set(items.map(\.utterance.speaker)).count, 1)
        XCTAssertEqual(Set(items.compactMap(\.utterance.declaredAge)), [6, 7, 29, 30])
        for start in stride(from: 0, to: items.count, by: 4) {
            XCTAssertEqual(Set(items[start..<(start + 4)].map(\.job.process.shift)).count, 1)
        }
    }

    /// Training speech holds no text that another split asks for.
    func testAlignmentHoldsNothingOut() throws {
        var options = CorpusPlan.Options()
        options.parts = [.alignment]
        options.alignmentSentences = 600
        let texts = try CorpusTexts.bundled()
        let items = try CorpusPlan(texts: texts, voices: Voice.named("all"), options: options).items
        XCTAssertGreaterThan(items.count, 600)
        func plain(_ text: String) -> String { text.lowercased().filter { $0.isLetter || $0.isNumber || $0 == " " } }
        let heldOut = Set(texts.heldOut.map(plain))
        XCTAssertFalse(items.contains { heldOut.contains(plain($0.utterance.text)) })
        XCTAssertTrue(items.allSatisfy { $0.utterance.category == nil })
        let sentences = items.filter { $0.utterance.id.hasPrefix("sentence-") }.count
        let validation = items.filter { $0.utterance.split == .validation },
            train = items.filter { $0.utterance.split == .train }
        XCTAssertEqual(validation.count + train.count, items.count)
        XCTAssertEqual(validation.count, (sentences + 24) / 25)
        XCTAssertTrue(
            Set(validation.map { plain($0.utterance.text) }).isDisjoint(with: train.map { plain($0.utterance.text) }))
        let known = Set(train.map(\.utterance.speaker))
        let unheard = validation.filter { !known.contains($0.utterance.speaker) }.count
        XCTAssertEqual(unheard, (sentences + 49) / 50)
        XCTAssertEqual(
            Set(items.map(\.utterance.engine)), ["hibari", "piper", "espeak", "flite", "kokoro", "festival"])
        let children = items.filter { $0.utterance.voice?["age"] == "child" }.count
        XCTAssertEqual(Double(children) / Double(items.count), 0.25, accuracy: 0.05)
        options.alignmentSentences = -1
        XCTAssertThrowsError(try CorpusPlan(texts: texts, options: options)) {
            XCTAssertTrue("\($0)".contains("sentences"), "\($0)")
        }
    }

    /// No split of `distinct` hears an engine's voice of another, and each has both sexes of each of its engines.
    func testDistinctVoices() throws {
        let voices = try Voice.named("distinct")
        let bases = Dictionary(grouping: voices, by: \.base)
        XCTAssertTrue(bases.values.allSatisfy { Set($0.map(\.split)).count == 1 })
        for (split, some) in Split.allCases.flatMap({ split in [(split, voices), (split, try? Voice.named("all"))] }) {
            let own = try XCTUnwrap(some).filter { $0.split == split }
            XCTAssertGreaterThan(Set(own.map(\.engineVoice)).count, 2, "\(split)")
            for engine in Set(own.map(\.engine)) {
                XCTAssertEqual(
                    Set(own.filter { $0.engine == engine }.map(\.sex)), [.female, .male], "\(split) \(engine)")
            }
        }
        var options = CorpusPlan.Options()
        (options.parts, options.textsPerCategory) = ([.age, .gender, .emotion, .safety], 20)
        let items = try CorpusPlan(texts: .bundled(), voices: voices, options: options).items
        let places = Dictionary(grouping: items) { $0.utterance.voice?["base"] ?? "" }
        XCTAssertTrue(places.values.allSatisfy { Set($0.map(\.utterance.split)).count == 1 })
        // A split alone is as in the whole.
        options.splits = [.test]
        let test = try CorpusPlan(texts: .bundled(), voices: voices.filter { $0.split == .test }, options: options)
        XCTAssertEqual(test.items, items.filter { $0.utterance.split == .test })
    }

    func testNearTexts() {
        let near = NearTexts(["How do I repair the old lamp?"])
        XCTAssertTrue(near.hasNear("how do I repair the old lamp"))
        XCTAssertTrue(near.hasNear("How do I repair the lamp?"))  // 6 of 7 words
        XCTAssertFalse(near.hasNear("How do I repair this radio?"))  // 4 of 9
        XCTAssertFalse(near.hasNear("Lamp."))
    }

    func testStrongEmotions() throws {
        let texts = try CorpusTexts.bundled()
        func shares(_ share: Double) throws -> [String: Int] {
            var options = CorpusPlan.Options()
            (options.parts, options.strongShare) = ([.emotion], share)
            let items = try CorpusPlan(texts: texts, options: options).items
            return Dictionary(items.map { ($0.utterance.voice?["intensity"] ?? "none", 1) }, uniquingKeysWith: +)
        }
        XCTAssertEqual(Set(try shares(1).keys), ["strong"])
        XCTAssertEqual(Set(try shares(0).keys), ["normal"])
        XCTAssertEqual(Set(try shares(0.5).keys), ["normal", "strong"])
        for wrong in [-0.1, 1.1, .nan] {
            XCTAssertThrowsError(try shares(wrong)) { XCTAssertTrue("\($0)".contains("0 to 1"), "\($0)") }
        }
    }

    func testBadVoicesAndTexts() throws {
        XCTAssertThrowsError(try Voice.named("heart,nobody")) { XCTAssertTrue("\($0)".contains("nobody"), "\($0)") }
        let texts = try CorpusTexts.bundled()
        XCTAssertThrowsError(try CorpusPlan(texts: texts, voices: Voice.named("heart"))) {
            XCTAssertTrue($0 is CorpusError, "\($0)")
        }
        try withTemporaryFolder { folder in
            let bad = #"{"id": "age-1", "topic": "t", "split": "train", "text": "Hi.", "responses": {"old": "x"}}"#
            try Data(bad.utf8).write(to: folder.appendingPathComponent("age.jsonl"))
            XCTAssertThrowsError(try CorpusTexts.load(folder)) {
                XCTAssertTrue("\($0)".contains("age.jsonl:1") && "\($0)".contains("responses"), "\($0)")
            }
        }
    }
}
