import Corpora
import LayerAnalysis
import XCTest

final class CosineTests: XCTestCase {
    private func states(_ state: [Float]) -> ClipStates {
        ClipStates(pooled: [state], encoder: [], lens: [], lensRaw: [], top: 0)
    }

    /// By hand: I = {(1,0), (0,2)}: C = 0; I' = {(3,0)}: C' = (1 + 0) / 2; Delta = -0.5.
    func testDifferenceFollowsTheFormula() throws {
        func u(_ id: String, _ intent: String) -> Utterance {
            Utterance(id: id, audio: "", text: id, speaker: "s", engine: "e", split: .train, intent: intent)
        }
        let analysis = try IntentCosineDifference.run(
            [
                (u("a", "activate|music|none"), states([1, 0])), (u("b", "activate|music|none"), states([0, 2])),
                (u("c", "deactivate|music|none"), states([3, 0])), (u("d", "change_language"), states([5, 5])),
            ], AnalysisOptions())
        XCTAssertEqual(analysis.curve("within")?.layers[0].value ?? 9, 0, accuracy: 1e-6)
        XCTAssertEqual(analysis.curve("across")?.layers[0].value ?? 9, 0.5, accuracy: 1e-6)
        XCTAssertEqual(analysis.curve("delta")?.layers[0].value ?? 9, -0.5, accuracy: 1e-6)
        XCTAssertEqual(analysis.curve("delta")?.data.n, 3)
        // One pair says nothing of others.
        XCTAssertEqual(analysis.curve("delta")?.layers[0].low, -2)
        XCTAssertEqual(analysis.curve("delta")?.layers[0].high, 2)
        XCTAssertEqual(analysis.curve("across")?.layers[0].low, -1)
    }

    func testFluentSpeechCommandsHasElevenPairs() {
        let rooms = ["none", "bedroom", "kitchen", "washroom"]
        var intents = ["activate|lamp|none", "deactivate|lamp|none", "activate|music|none", "deactivate|music|none"]
        intents += ["increase|volume|none", "decrease|volume|none", "bring|juice|none", "change language|none|none"]
        for room in rooms {
            intents += [
                "activate|lights|\(room)", "deactivate|lights|\(room)", "increase|heat|\(room)",
                "decrease|heat|\(room)",
            ]
        }
        XCTAssertEqual(OppositePairs.find(in: intents).count, 11)
    }

    func testDeclaredAgesArePairedByQuery() throws {
        func u(_ text: String, _ age: Int?, _ voice: String = "adult") -> Utterance {
            Utterance(
                id: text + voice, audio: "", text: text, speaker: age == nil ? voice : "v", engine: "e", split: .test,
                declaredAge: age, voice: ["age": voice])
        }
        let ages =
            [(6, "six", [1, 0]), (7, "seven", [1, 0]), (29, "twenty-nine", [0, 1]), (30, "thirty", [0, 1])]
            as [(Int, String, [Float])]
        var all: [(Utterance, ClipStates)] = []
        for query in ["how do I fix a lamp?", "can I climb up?"] {
            for (age, word, state) in ages { all.append((u("I'm \(word) years old, \(query)", age), states(state))) }
            all.append((u(query, nil, "child"), states([1, 1])))
            all.append((u(query, nil, "adult"), states([0, 1])))
        }
        XCTAssertEqual(DeclaredAgeCosine.query(of: all[2].0), "how do i fix a lamp")
        let analysis = try DeclaredAgeCosine.run(all, AnalysisOptions())
        XCTAssertEqual(analysis.curve("across")?.layers[0].value, 0)
        XCTAssertEqual(analysis.curve("within")?.layers[0].value, 1)
        XCTAssertEqual(analysis.curve("6-7")?.layers[0].value, 1)
        XCTAssertEqual(analysis.curve("7-29")?.layers[0].value, 0)
        XCTAssertEqual(analysis.curve("voices")?.layers[0].value ?? 0, 0.707107, accuracy: 1e-5)
        XCTAssertEqual(analysis.curves.count, 9)
        XCTAssertEqual(analysis.curve("across")?.data.groups, 2)
    }
}
