import Corpora
import Foundation
import MLX
import TestSupport
import XCTest

final class TableImporterTests: XCTestCase {
    private func importer(
        _ columns: [(column: String, field: String)] = [], _ words: [String: [String: String]] = [:]
    ) -> TableImporter {
        var options = TableImporter.Options()
        options.columns = columns
        options.words = words
        return TableImporter(options: options)
    }

    func testOwnNames() throws {
        try withLookAlike { set in
            try set.clips("clips/a.wav", "clips/b.wav")
            try set.write(
                "list.csv",
                "\u{feff}id,audio,text,speaker,engine,category,attribute,split,response,generic,intent,declaredAge,"
                    + "voice.age,voice.mood,scenario,remark\r\n"
                    + "x,clips/a.wav,\"Say \"\"hi\"\", now\r\nplease\",anna,human,age,child,test,Hi!,Hm.,greet,7,child,"
                    + "bright,fire,ours\r\n\r\ny,clips/b.wav,Plain,,,,,,,,,,,,,\r\n")
            let outcome = try importer().run(from: set.source, to: set.target)
            XCTAssertEqual(outcome.unused, ["remark"])
            XCTAssertEqual(
                outcome.corpus.utterances,
                [
                    Utterance(
                        id: "x", audio: "audio/a.wav", text: "Say \"hi\", now\r\nplease", category: .age,
                        attribute: "child", speaker: "anna", engine: "human", split: .test, response: "Hi!",
                        generic: "Hm.", intent: "greet", declaredAge: 7, scenario: "fire",
                        voice: ["age": "child", "mood": "bright"]),
                    Utterance(
                        id: "y", audio: "audio/b.wav", text: "Plain", speaker: "unknown", engine: "unknown",
                        split: .train),
                ])
            XCTAssertEqual(try Corpus.load(set.target).utterances, outcome.corpus.utterances)
        }
    }

    func testOtherNamesAndWords() throws {
        try withLookAlike { set in
            try set.clips("a.wav", "b.wav", "c.wav")
            for (name, mark) in [("list.csv", ","), ("list.csv", ";"), ("list.tsv", "\t")] {
                let rows = [
                    ["file", "words", "who", "sex", "set"], ["a.wav", "One", "s1", "F", "dev"],
                    ["b.wav", "Two", "s2", "M", "train"], ["c.wav", "Three", "s1", "F", ""],
                ]
                try set.write(name, rows.map { $0.joined(separator: mark) }.joined(separator: "\n"))
                let found = try set.corpus(
                    importer(
                        [
                            ("file", "audio"), ("words", "text"), ("who", "speaker"), ("sex", "attribute"),
                            ("sex", "voice.gender"), ("set", "split"),
                        ],
                        [
                            "attribute": ["F": "female", "M": "male"], "voice.gender": ["F": "female", "M": "male"],
                            "split": ["dev": "validation"],
                        ]), from: name)
                XCTAssertEqual(
                    found["line-2"],
                    Utterance(
                        id: "line-2", audio: "audio/a.wav", text: "One", category: .gender, attribute: "female",
                        speaker: "s1", engine: "unknown", split: .validation, voice: ["gender": "female"]), mark)
                XCTAssertEqual(found["line-3"]?.attribute, "male")
                XCTAssertEqual(found["line-4"]?.split, .validation, "with the other clip of its speaker")
                try FileManager.default.removeItem(at: set.path(name))
            }
        }
    }

    func testBadRows() throws {
        try withLookAlike { set in
            try set.clips("a.wav", "b.wav")
            for (bad, words) in [
                ("b.wav,Two,kid", ["\"attribute\"", "kid", "--value"]), ("b.wav,Two", ["expected 3 fields, found 2"]),
                ("none.wav,Two,", ["found none at"]), ("../source/b.wav,Two,", ["\"audio\"", "--audio-folder"]),
                ("b.wav,,", ["\"text\""]), (",Two,", ["\"audio\""]), ("b.wav,\"Two,", ["not closed"]),
                ("b.wav,\(String(repeating: "x", count: 20_001)),", ["\"text\"", "20000"]),
                ("b.wav,\(String(repeating: "x", count: 2_000_000)),", ["more than 1048576 bytes"]),
                (".,Two,", ["found none at"]), ("b.wav,a\0b,", ["NUL"]),
            ] {
                try set.write("list.csv", "audio,text,attribute\na.wav,One,\n\(bad)\nb.wav,Three,child\n")
                try set.assertRefused(importer(), says: words + ["list.csv:3"], kept: 2, rejected: [3])
            }
            var bytes = Data("audio,text\na.wav,One\nb.wav,".utf8)
            bytes += [0xff, 0xfe, 0x0a]
            try set.write("list.csv", bytes)
            try set.assertRefused(importer(), says: ["list.csv:3", "field 2 is not UTF-8"], kept: 1, rejected: [3])
        }
    }

    func testBadTables() throws {
        try withLookAlike { set in
            try set.assertRefused(importer(), says: ["one .csv or .tsv file", "none"], kept: 0)
            try set.clips("a.wav")
            try set.write("list.csv", "file,text\na.wav,One\n")
            try set.assertRefused(
                importer(), says: ["no column \"audio\"", "--map COLUMN=audio", "file, text"], kept: 0)
            try set.assertRefused(importer([("name", "audio")]), says: ["no such column"], kept: 0)
            try set.assertRefused(
                importer([("file", "sound")]), says: ["--map file=sound", "attribute, audio"], kept: 0)
            try set.assertRefused(importer([], ["colour": ["a": "b"]]), says: ["--value colour"], kept: 0)
            try set.assertRefused(
                importer([("file", "audio"), ("text", "audio")]), says: ["both \"file\" and \"text\""], kept: 0)
            try set.write("list.csv", "audio,text,audio\na.wav,One,b\n")
            try set.assertRefused(importer(), says: ["\"audio\" is there twice"], kept: 0)
            try set.write("list.csv", "\"audio,text\na.wav,One\n")
            try set.assertRefused(importer(), says: ["list.csv:1", "not closed"], kept: 0)
            try set.write("list.csv", "audio,text" + String(repeating: ",x", count: 2_000) + "\n")
            try set.assertRefused(importer(), says: ["more than 1000 columns"], kept: 0)
            try set.write("other.tsv", "audio\ttext\n")
            try set.assertRefused(importer(), says: ["list.csv, other.tsv"], kept: 0)
        }
    }

    /// Seeded damage to a good table: an error or a corpus, never a crash.
    func testMutations() throws {
        let good = Array("audio,text,speaker\r\na.wav,\"One, \"\"two\"\"\",s\r\n\"a.wav\",Three,s\n".utf8)
        var generator = SeededGenerator(seed: 11)
        try withLookAlike { set in
            try set.clips("a.wav")
            for _ in 0..<400 {
                let bytes = damaged(good, inserting: Array("\",\r\n".utf8), by: &generator)
                try set.write("list.csv", Data(bytes))
                for skipBad in [false, true] {
                    do {
                        try set.clearTarget()
                        let outcome = try importer().run(from: set.source, to: set.target, skipBad: skipBad)
                        XCTAssertEqual(try Corpus.load(set.target).utterances, outcome.corpus.utterances)
                    } catch {
                        XCTAssertTrue(error is CorpusError, "\(error)")
                    }
                }
            }
        }
    }
}
