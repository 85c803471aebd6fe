import Corpora
import Foundation
import XCTest

/// Common Voice, Fluent Speech Commands and VoiceBench.
final class SpeechListImporterTests: XCTestCase {
    private let old = "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccent\n"
    private let new =
        "client_id\tpath\tsentence_id\tsentence\tsentence_domain\tup_votes\tdown_votes\tage\tgender\taccents\tvariant"
        + "\tlocale\tsegment\n"

    func testCommonVoice() throws {
        try withLookAlike { set in
            for n in 1...6 { try set.clips("clips/common_voice_en_\(n).mp3") }
            try set.write(
                "train.tsv",
                new
                    + "aa\tcommon_voice_en_1.mp3\th1\tHe said \"no\", twice.\t\t2\t0\ttwenties\tmale_masculine\t\t\ten\t\n"
                    + "aa\tcommon_voice_en_2.mp3\th2\t\"Stay here.\t\t2\t0\tteens\tfemale_feminine\t\t\ten\t\n"
                    + "cc\tcommon_voice_en_3.mp3\th3\tThird.\t\t2\t0\t\t\t\t\ten\t\n")
            try set.write(
                "dev.tsv",
                old.replacingOccurrences(of: "\n", with: "\r\n")
                    + "dd\tcommon_voice_en_4.mp3\tFourth.\t2\t0\tfourties\tfemale\t\r\n")
            try set.write("test.tsv", old + "ee\tcommon_voice_en_5\tFifth.\t2\t0\tnineties\tother\t\n")
            // Not read when there are the others.
            try set.write("validated.tsv", old + "ff\tcommon_voice_en_6.mp3\tSixth.\t2\t0\t\t\t\n")
            let found = try set.corpus(CommonVoiceImporter())
            XCTAssertEqual(found.count, 5)
            XCTAssertEqual(
                found["common-voice-common_voice_en_1"],
                Utterance(
                    id: "common-voice-common_voice_en_1", audio: "audio/common_voice_en_1.mp3",
                    text: "He said \"no\", twice.", category: .gender, attribute: "male", speaker: "common-voice-aa",
                    engine: "human", split: .train, voice: ["age": "adult", "gender": "male", "decade": "twenties"]))
            XCTAssertEqual(found["common-voice-common_voice_en_2"]?.text, "\"Stay here.")
            XCTAssertEqual(
                found["common-voice-common_voice_en_2"]?.voice, ["gender": "female", "decade": "teens"])
            XCTAssertNil(found["common-voice-common_voice_en_3"]?.voice)
            XCTAssertNil(found["common-voice-common_voice_en_3"]?.category)
            let fourth = try XCTUnwrap(found["common-voice-common_voice_en_4"])
            XCTAssertEqual(fourth.split, .validation)
            XCTAssertEqual(fourth.attribute, "female")
            XCTAssertEqual(fourth.voice?["age"], "adult")
            let fifth = try XCTUnwrap(found["common-voice-common_voice_en_5"])
            XCTAssertEqual(fifth.split, .test)
            XCTAssertNil(fifth.category)
            XCTAssertEqual(fifth.audio, "audio/common_voice_en_5.mp3")
        }
    }

    func testCommonVoiceWithoutSplits() throws {
        try withLookAlike { set in
            var text = old
            for n in 0..<40 {
                try set.clips("clips/c\(n).mp3")
                text += "speaker\(n % 10)\tc\(n).mp3\tSentence \(n).\t2\t0\t\t\(n % 2 == 0 ? "male" : "female")\t\n"
            }
            try set.write("validated.tsv", text)
            let found = try set.corpus(CommonVoiceImporter())
            XCTAssertEqual(found.count, 40)
            var splits: [String: Set<Split>] = [:]
            for utterance in found.values { splits[utterance.speaker, default: []].insert(utterance.split) }
            XCTAssertTrue(splits.values.allSatisfy { $0.count == 1 }, "\(splits)")
            XCTAssertEqual(splits.filter { $0.value == [.train] }.count, 7)
            let tested = found.values.filter { $0.split == .test }
            XCTAssertEqual(Set(tested.compactMap(\.attribute)), ["male", "female"])
        }
    }

    func testWrongCommonVoice() throws {
        try withLookAlike { set in
            try set.assertRefused(CommonVoiceImporter(), says: ["validated.tsv", "clips/"], kept: 0)
            try set.clips("clips/a.mp3", "clips/b.mp3")
            let good = "aa\ta.mp3\tFirst.\t2\t0\t\t\t\n"
            for (bad, words) in [
                ("bb\tb.mp3\tSecond.\t2\t0\ttoddler\t\t", ["\"age\"", "toddler", "twenties"]),
                ("bb\tb.mp3\tSecond.\t2\t0\t\tM\t", ["\"gender\"", "female_feminine"]),
                ("bb\tb.mp3\tSecond.\t2\t0", ["expected 8 fields, found 5"]),
                ("bb\tnone.mp3\tSecond.\t2\t0\t\t\t", ["found none at", "none.mp3"]),
                ("bb\t../clips/b.mp3\tSecond.\t2\t0\t\t\t", ["\"path\"", "the name of a file"]),
                ("bb\tb.mp3\t\t2\t0\t\t\t", ["\"sentence\"", "found nothing"]),
                ("\tb.mp3\tSecond.\t2\t0\t\t\t", ["\"client_id\""]),
                ("bb\ta.mp3\tAgain.\t2\t0\t\t\t", ["common-voice-a", "there already", "train.tsv:2"]),
            ] {
                try set.write("train.tsv", old + good + bad + "\n")
                try set.assertRefused(
                    CommonVoiceImporter(), says: words + ["train.tsv:3"], kept: 1, rejected: [3])
            }
            try set.write("train.tsv", "client_id\tfile\tsentence\n")
            try set.assertRefused(CommonVoiceImporter(), says: ["no column \"path\"", "file"], kept: 0)
            try set.write("train.tsv", "")
            try set.assertRefused(CommonVoiceImporter(), says: ["empty"], kept: 0)
        }
    }

    private let header = ",path,speakerId,transcription,action,object,location\n"

    /// Writes all lists; `train` are rows after the first.
    private func commands(_ set: LookAlike, train: String = "") throws {
        try set.clips(
            "wavs/speakers/s1/a.wav", "wavs/speakers/s1/b.wav", "wavs/speakers/s2/c.wav", "wavs/speakers/s3/d.wav")
        try set.write(
            "data/speaker_demographics.csv",
            "speakerId,Self-reported fluency level ,First Language spoken,Current language used for work/school,gender,"
                + "ageRange\ns1,native,English (Canada),English (Canada),male,22-40\n"
                + "s2,advanced,\"Spanish, French\",English (Canada),female,65+\ns3,intermediate,,,,\n")
        try set.write(
            "data/train_data.csv",
            header + "0,wavs/speakers/s1/a.wav,s1,Change language,change language,none,none\n" + train)
        try set.write(
            "data/valid_data.csv",
            header + "0,wavs/speakers/s2/c.wav,s2,\"Lights on, please\",activate,lights,kitchen\n")
        try set.write(
            "data/test_data.csv",
            header + "0,wavs/speakers/s3/d.wav,s3,Switch to German,change language,German,none\n")
    }

    func testFluentSpeechCommands() throws {
        try withLookAlike { set in
            try commands(set, train: "1,wavs/speakers/s1/b.wav,s1,Louder,increase,volume,none\n")
            let found = try set.corpus(FluentSpeechImporter())
            XCTAssertEqual(
                found.mapValues(\.intent),
                [
                    "fsc-a": "change_language", "fsc-b": "increase_volume", "fsc-c": "activate_lights_kitchen",
                    "fsc-d": "change_language_german",
                ])
            XCTAssertEqual(
                found["fsc-c"],
                Utterance(
                    id: "fsc-c", audio: "audio/c.wav", text: "Lights on, please", speaker: "fsc-s2", engine: "human",
                    split: .validation, intent: "activate_lights_kitchen",
                    voice: ["age": "adult", "gender": "female", "fluency": "advanced"]))
            XCTAssertEqual(found["fsc-a"]?.voice, ["age": "adult", "gender": "male", "fluency": "native"])
            XCTAssertEqual(found["fsc-a"]?.split, .train)
            XCTAssertEqual(found["fsc-d"]?.split, .test)
            XCTAssertEqual(found["fsc-d"]?.voice, ["fluency": "intermediate"])
        }
    }

    func testWrongFluentSpeechCommands() throws {
        try withLookAlike { set in
            for (bad, words) in [
                ("1,wavs/speakers/s1/b.wav,s1,Fly,activate,wings,none", ["activate_wings", "31 intents"]),
                ("1,wavs/speakers/s9/b.wav,s9,Louder,increase,volume,none", ["\"speakerId\"", "s9"]),
                ("1,../b.wav,s1,Louder,increase,volume,none", ["\"path\"", "inside"]),
                ("1,/etc/passwd,s1,Louder,increase,volume,none", ["\"path\"", "inside"]),
                ("1,wavs/none.wav,s1,Louder,increase,volume,none", ["found none at"]),
                ("1,wavs/speakers/s1/b.wav,s1,\"Lou\"der,increase,volume,none", ["closing quotation mark of field 4"]),
                ("1,wavs/speakers/s1/b.wav,s1,\"Louder,increase,volume,none", ["field 4", "not closed"]),
            ] {
                try commands(set, train: bad + "\n")
                try set.assertRefused(
                    FluentSpeechImporter(), says: words + ["train_data.csv:3"], kept: 3, rejected: [3])
            }
            try set.write("data/speaker_demographics.csv", "speakerId,gender,ageRange\ns1,male,young\n")
            try set.assertRefused(FluentSpeechImporter(), says: ["\"ageRange\"", "young"], kept: 0)
            try FileManager.default.removeItem(at: set.path("data/test_data.csv"))
            try commands(set)
            try FileManager.default.removeItem(at: set.path("data/valid_data.csv"))
            try set.assertRefused(FluentSpeechImporter(), says: ["valid_data.csv", "not there"], kept: 0)
        }
    }

    func testVoiceBench() throws {
        try withLookAlike { set in
            try set.clips(
                "alpacaeval/test/0.wav", "alpacaeval/test/1.wav", "sd-qa/usa/0.wav", "sd-qa/aus/0.wav", "mine/0.wav")
            try set.write(
                "alpacaeval/test/metadata.jsonl",
                """
                {"file_name": "0.wav", "prompt": "Name a river.", "output": "The Rhine."}
                {"file_name": "1.wav", "prompt": "Name a lake.", "output": null, "extra": [1, {"a": 2}]}

                """)
            for region in ["usa", "aus"] {
                try set.write(
                    "sd-qa/\(region)/metadata.jsonl",
                    "{\"file_name\": \"0.wav\", \"prompt\": \"Who?\", \"reference\": \"She.\"}\n")
            }
            try set.write("mine/metadata.jsonl", "{\"audio\": \"0.wav\", \"prompt\": \"A \\\"line\\\"\\nmore\"}\n")
            let found = try set.corpus(VoiceBenchImporter())
            XCTAssertEqual(
                Set(found.keys),
                [
                    "voicebench-alpacaeval-test-0", "voicebench-alpacaeval-test-1", "voicebench-sd-qa-usa-0",
                    "voicebench-sd-qa-aus-0", "voicebench-mine-0",
                ])
            XCTAssertTrue(found.values.allSatisfy { $0.split == .test && $0.category == nil })
            XCTAssertEqual(Set(found.values.map(\.audio)).count, 5, "clips of the same name have names of their own")
            XCTAssertEqual(found["voicebench-alpacaeval-test-0"]?.response, "The Rhine.")
            XCTAssertEqual(found["voicebench-alpacaeval-test-0"]?.engine, "google-tts")
            XCTAssertNil(found["voicebench-alpacaeval-test-1"]?.response)
            XCTAssertEqual(found["voicebench-sd-qa-usa-0"]?.response, "She.")
            XCTAssertEqual(found["voicebench-sd-qa-usa-0"]?.engine, "human")
            XCTAssertEqual(found["voicebench-mine-0"]?.engine, "unknown")
        }
    }

    func testWrongVoiceBench() throws {
        try withLookAlike { set in
            try set.assertRefused(VoiceBenchImporter(), says: ["no clip", "metadata.jsonl"], kept: 0)
            try set.write("alpacaeval/test-00000-of-00001.parquet", "PAR1")
            try set.assertRefused(
                VoiceBenchImporter(), says: ["Parquet", "from datasets import Audio, load_dataset"], kept: 0)
            try set.clips("x/0.wav")
            let good = "{\"file_name\": \"0.wav\", \"prompt\": \"Who?\"}\n"
            for (bad, words) in [
                ("{\"file_name\": \"../0.wav\", \"prompt\": \"Who?\"}", ["\"file_name\"", "inside"]),
                ("{\"prompt\": \"Who?\"}", ["\"audio\"", "found nothing"]),
                ("{\"file_name\": \"0.wav\"}", ["\"prompt\""]),
                ("{\"file_name\"", ["JSON"]), ("[]", ["object"]),
            ] {
                try set.write("x/metadata.jsonl", good + bad + "\n")
                try set.assertRefused(
                    VoiceBenchImporter(), says: words + ["metadata.jsonl:2"], kept: 1, rejected: [2])
            }
        }
    }

    /// The export that the error shows is the one in the documentation.
    func testExportIsDocumented() throws {
        let docs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../docs/CORPUS.md")
        let text = try String(contentsOf: docs.standardizedFileURL, encoding: .utf8)
        XCTAssertTrue(text.contains(VoiceBenchImporter.export))
    }
}
