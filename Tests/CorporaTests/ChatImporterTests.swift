import Corpora
import Foundation
import XCTest

/// Training files of ms-swift, LLaMA-Factory and Kimi-Audio.
final class ChatImporterTests: XCTestCase {
    /// Every form says the same.
    func testForms() throws {
        try withLookAlike { set in
            try set.clips("clips/a.wav")
            let turns =
                #"[{"role": "user", "content": "<audio>What is it?"}, {"role": "assistant", "content": "A lamp."}]"#
            let old = #"[{"from": "user", "value": "Audio 1:<audio>clips/a.wav</audio>\nWhat is it?"}, "#
            for (form, text) in [
                ("messages", #"{"messages": \#(turns), "audios": ["clips/a.wav"]}"#),
                ("one path", #"{"messages": \#(turns), "audios": "clips/a.wav"}"#),
                (
                    "no tag",
                    #"{"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "What is it?"},"#
                        + #"{"role": "assistant", "content": "A lamp."}], "audios": ["clips/a.wav"]}"#
                ),
                (
                    "sharegpt",
                    #"{"conversations": [{"from": "human", "value": "<audio>What is it?"}, {"from": "gpt", "value":"#
                        + #""A lamp."}], "system": "Be kind.", "audios": ["clips/a.wav"], "images": []}"#
                ),
                ("in the text", #"{"conversations": \#(old){"from": "assistant", "value": "A lamp."}]}"#),
                (
                    "pairs",
                    #"{"conversation": [{"human": "<audio>What is it?", "assistant": "A lamp."}], "#
                        + #""audios": ["clips/a.wav"]}"#
                ),
                (
                    "query",
                    #"{"query": "<audio>What is it?", "response": "A lamp.", "history": [], "audios": ["clips/a.wav"]}"#
                ),
                (
                    "alpaca",
                    #"{"instruction": "What is it?", "input": "", "output": "A lamp.", "audios": ["clips/a.wav"]}"#
                ),
                (
                    "alpaca with input",
                    #"{"instruction": "What", "input": "is it?", "output": "A lamp.","#
                        + #""audios": ["clips/a.wav"], "text": "What is it?"}"#
                ),
                ("absolute", #"{"messages": \#(turns), "audios": ["\#(set.path("clips/a.wav").path)"]}"#),
            ] {
                for (name, content) in [("data.jsonl", text + "\n"), ("data.json", "[\n  \(text)\n]\n")] {
                    try set.write(name, content)
                    let found = try set.corpus(MessagesImporter(), from: name)
                    XCTAssertEqual(
                        found["line-1"],
                        Utterance(
                            id: "line-1", audio: "audio/a.wav", text: "What is it?", speaker: "unknown",
                            engine: "unknown", split: .train, response: "A lamp."), "\(form), \(name)")
                }
            }
        }
    }

    func testFieldsOfOursAndOthers() throws {
        try withLookAlike { set in
            try set.clips("a.wav", "b.wav", "other/a.wav")
            try set.write(
                "data.jsonl",
                """
                {"messages": [{"role": "user", "content": "<audio>"}], "audios": ["a.wav"], "id": 7, "category": "age", \
                "attribute": "child", "speaker": "anna", "split": "test", "rejected_response": "No.", "catagory": "x"}
                {"query": "<audio>Say it.", "response": "It.", "audios": ["b.wav"], "text": "Hello."}
                {"query": "<audio>Again.", "response": "It.", "audios": ["b.wav"]}
                {"query": "<audio>Other.", "response": "It.", "audios": ["other/a.wav"]}

                """)
            let outcome = try MessagesImporter().run(from: set.path("data.jsonl"), to: set.target)
            XCTAssertEqual(outcome.unused, ["catagory", "rejected_response"])
            let all = outcome.corpus.utterances
            XCTAssertEqual(
                all[0],
                Utterance(
                    id: "7", audio: "audio/a.wav", text: "a", category: .age, attribute: "child", speaker: "anna",
                    engine: "unknown", split: .test))
            XCTAssertEqual(all[1].text, "Hello.")
            XCTAssertEqual(all.map(\.audio), ["audio/a.wav", "audio/b.wav", "audio/b.wav", "audio/a-2.wav"])
            XCTAssertEqual(try Corpus.load(set.target).utterances, all)
            // Relative to another folder.
            try set.clearTarget()
            let elsewhere = try MessagesImporter(audioFolder: set.path("other"))
                .run(from: set.path("data.jsonl"), to: set.target, skipBad: true)
            XCTAssertEqual(elsewhere.corpus.utterances.map(\.id), ["7"])
            XCTAssertEqual(elsewhere.corpus.rejects.map(\.line), [2, 3, 4])
        }
    }

    func testWrongMessages() throws {
        try withLookAlike { set in
            try set.clips("a.wav")
            let good = #"{"query": "<audio>", "response": "Yes.", "audios": ["a.wav"]}"#
            for (bad, words) in [
                (#"{"query": "<audio>", "response": "Yes.", "audios": ["none.wav"]}"#, ["found none at", "none.wav"]),
                (#"{"query": "<audio>", "audios": ["../source/a.wav"]}"#, ["\"audios\"", "--audio-folder"]),
                (#"{"query": "<audio>", "audios": ["https://example.org/a.wav"]}"#, ["nothing is fetched"]),
                (#"{"query": "<audio>", "audios": ["/etc/passwd"]}"#, ["not an audio file"]),
                (#"{"query": "<audio><audio>", "audios": ["a.wav", "a.wav"]}"#, ["\"audios\"", "one path"]),
                (#"{"query": "<audio>", "history": [["a", "b"]], "audios": ["a.wav"]}"#, ["\"history\""]),
                (#"{"query": "<audio>", "images": ["a.png"], "audios": ["a.wav"]}"#, ["\"images\""]),
                (#"{"query": "<audio>a.wav</audio>", "audios": ["a.wav"]}"#, ["\"audios\"", "nothing beside"]),
                (#"{"query": 3, "audios": ["a.wav"]}"#, ["\"query\""]),
                (#"{"text": "Hello.", "audios": ["a.wav"]}"#, ["conversations, conversation, query"]),
                (#"{"messages": [{"role": "tool", "content": "x"}], "audios": ["a.wav"]}"#, ["assistant, gpt, human"]),
                (#"{"messages": 3, "audios": ["a.wav"]}"#, ["1 to 8 turns"]),
                (#"{"conversations": [{"role": "user", "content": "x"}]}"#, ["\"from\" and \"value\""]),
                (#"{"conversation": [{"human": "a", "assistant": "b"}, {"human": "a"}]}"#, ["one pair"]),
                (
                    #"{"query": "<audio>", "response": "Yes.", "audios": ["a.wav"], "category": "age", "attribute": "kid"}"#,
                    ["\"attribute\"", "child, adult", "kid"]
                ),
                (#"{"query": "<audio>", "response": "Yes.", "audios": ["a.wav"], "id": "line-1"}"#, ["there already"]),
                ("{", ["JSON"]),
            ] {
                try set.write("data.jsonl", good + "\n" + bad + "\n")
                try set.assertRefused(
                    MessagesImporter(), from: "data.jsonl", says: words + ["data.jsonl:2"], kept: 1, rejected: [2])
            }
            try set.write("data.json", "[\(good), 3]")
            try set.assertRefused(
                MessagesImporter(), from: "data.json", says: ["data.json:2", "object"], kept: 1, rejected: [2])
            try set.write("data.json", "[\(good), ")
            try set.assertRefused(MessagesImporter(), from: "data.json", says: ["data.json", "JSON"], kept: 0)
            try set.assertRefused(MessagesImporter(), from: "nothing.jsonl", says: ["not there"], kept: 0)
        }
    }

    private func kimi(_ messages: String, _ more: String = "", task: String = "understanding") -> String {
        "{\"task_type\": \"\(task)\", \"conversation\": [\(messages)]\(more)}\n"
    }
    private let asked = #"{"role": "user", "message_type": "text", "content": "Please transcribe it."}, "#
    private let heard =
        #"{"role": "user", "message_type": "audio", "content": "a.wav", "audio_tokens": [158030, 153373]}"#
    private let answered = #", {"role": "assistant", "message_type": "text", "content": "HELLO"}"#

    func testKimi() throws {
        try withLookAlike { set in
            try set.clips("a.wav")
            try set.write(
                "data.jsonl",
                kimi(asked + heard + answered) + kimi(heard + answered)
                    + kimi(heard, #", "id": "mine", "text": "Hello", "split": "test", "_metadata": {}"#))
            let outcome = try KimiImporter().run(from: set.path("data.jsonl"), to: set.target)
            XCTAssertEqual(outcome.unused, ["_metadata"])
            XCTAssertEqual(
                outcome.corpus.utterances,
                [
                    Utterance(
                        id: "line-1", audio: "audio/a.wav", text: "Please transcribe it.", speaker: "unknown",
                        engine: "unknown", split: .train, response: "HELLO"),
                    Utterance(
                        id: "line-2", audio: "audio/a.wav", text: "a", speaker: "unknown", engine: "unknown",
                        split: .train, response: "HELLO"),
                    Utterance(
                        id: "mine", audio: "audio/a.wav", text: "Hello", speaker: "unknown", engine: "unknown",
                        split: .test),
                ])
            XCTAssertEqual(try Corpus.load(set.target).check().problems, [])
        }
    }

    func testWrongKimi() throws {
        try withLookAlike { set in
            try set.clips("a.wav")
            let spoken = #", {"role": "assistant", "message_type": "audio", "content": "a.wav"}"#
            for (bad, words) in [
                (kimi(heard + spoken, task: "speech2speech"), ["\"task_type\"", "speech2speech"]),
                (kimi(heard + spoken), ["audio of assistant"]), (kimi(asked + answered.dropFirst(2)), ["one path"]),
                (kimi(heard + ", " + heard), ["one path"]), (kimi("3"), ["role, message_type and content"]),
                (kimi(""), ["1 to 8 messages"]), (kimi(heard + answered + answered), ["at most one assistant"]),
            ] {
                try set.write("data.jsonl", kimi(heard) + bad)
                try set.assertRefused(
                    KimiImporter(), from: "data.jsonl", says: words + ["data.jsonl:2"], kept: 1, rejected: [2])
            }
        }
    }
}
