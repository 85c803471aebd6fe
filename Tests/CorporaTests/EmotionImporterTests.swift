import Corpora
import Foundation
import XCTest

/// CREMA-D, EmoDB and IEMOCAP.
final class EmotionImporterTests: XCTestCase {
    private let demographics = """
        "ActorID","Age","Sex","Race","Ethnicity"
        1001,51,"Male","Caucasian","Not Hispanic"
        1002,21,"Female","Caucasian","Not Hispanic"
        1003,17,"Female","Unknown","Hispanic"

        """

    func testCremaD() throws {
        try withLookAlike { set in
            try set.write("VideoDemographics.csv", demographics)
            try set.clips(
                "AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1001_IEO_HAP_LO.wav", "AudioWAV/1002_WSI_DIS_XX.wav",
                "AudioWAV/1002_IEO_FEA_HI.wav", "AudioWAV/1003_ITH_SAD_XX.wav", "AudioWAV/1003_TIE_NEU_XX.wav")
            try set.write("AudioWAV/._1001_DFA_ANG_XX.wav", "an archive's rest")
            let found = try set.corpus(CremaDImporter())
            XCTAssertEqual(found.count, 6)
            XCTAssertEqual(
                found["crema-d-1001_DFA_ANG_XX"],
                Utterance(
                    id: "crema-d-1001_DFA_ANG_XX", audio: "audio/1001_DFA_ANG_XX.wav", text: "Don't forget a jacket.",
                    category: .emotion, attribute: "angry", speaker: "crema-d-1001", engine: "human", split: .train,
                    voice: ["age": "adult", "gender": "male", "emotion": "angry", "intensity": "unspecified"]))
            XCTAssertEqual(
                found.mapValues(\.attribute),
                [
                    "crema-d-1001_DFA_ANG_XX": "angry", "crema-d-1001_IEO_HAP_LO": "happy",
                    "crema-d-1002_WSI_DIS_XX": "disgusted", "crema-d-1002_IEO_FEA_HI": "fearful",
                    "crema-d-1003_ITH_SAD_XX": "sad", "crema-d-1003_TIE_NEU_XX": nil,
                ])
            let neutral = try XCTUnwrap(found["crema-d-1003_TIE_NEU_XX"])
            XCTAssertNil(neutral.category)
            // Neither child nor adult.
            XCTAssertEqual(
                neutral.voice, ["gender": "female", "emotion": "neutral", "intensity": "unspecified"])
            XCTAssertEqual(found["crema-d-1002_IEO_FEA_HI"]?.text, "It's eleven o'clock.")
            XCTAssertEqual(found["crema-d-1002_IEO_FEA_HI"]?.voice?["intensity"], "high")
            XCTAssertEqual(Set(found.values.map { "\($0.speaker) \($0.split)" }).count, 3)
        }
    }

    func testWrongCremaD() throws {
        try withLookAlike { set in
            try set.clips("AudioWAV/1001_DFA_ANG_XX.wav")
            try set.assertRefused(CremaDImporter(), says: ["VideoDemographics.csv", "put it beside"], kept: 0)
            try set.write("VideoDemographics.csv", demographics)
            for (name, word) in [
                ("1009_DFA_ANG_XX", "1009"), ("1001_DFB_ANG_XX", "DFB"), ("1001_DFA_JOY_XX", "JOY"),
                ("1001_DFA_ANG_YY", "YY"), ("1001-DFA", "four parts"),
            ] {
                try set.clips("AudioWAV/\(name).wav")
                try set.assertRefused(CremaDImporter(), says: [name, word], kept: 1)
                try FileManager.default.removeItem(at: set.path("AudioWAV/\(name).wav"))
            }
            try set.write("AudioWAV/1002_DFA_ANG_XX.wav", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
            try set.assertRefused(CremaDImporter(), says: ["1002_DFA_ANG_XX", "git lfs pull"], kept: 1)
            try set.write("VideoDemographics.csv", "ActorID,Years,Sex\n1001,50,Male\n")
            try set.assertRefused(CremaDImporter(), says: ["no column \"Age\"", "Years"], kept: 0)
            try set.write("VideoDemographics.csv", "ActorID,Age,Sex\n1001,50,M\n")
            try set.assertRefused(CremaDImporter(), says: [".csv:2", "\"Sex\"", "Female, Male", "M"], kept: 0)
        }
    }

    func testEmoDB() throws {
        try withLookAlike { set in
            let speakers = ["03", "08", "09", "10", "11", "12", "13", "14", "15", "16"]
            for speaker in speakers { try set.clips("wav/\(speaker)a01Nc.wav") }
            try set.clips(
                "wav/03a01Fa.wav", "wav/08b10Wb.wav", "wav/09a05Ea.wav", "wav/10a02Ab.wav", "wav/11b03Td.wav",
                "wav/12a07Lb.wav")
            let found = try set.corpus(EmoDBImporter())
            XCTAssertEqual(found.count, 16)
            XCTAssertEqual(found["emodb-03a01Fa"]?.attribute, "happy")
            XCTAssertEqual(found["emodb-03a01Fa"]?.text, "Der Lappen liegt auf dem Eisschrank.")
            XCTAssertEqual(found["emodb-03a01Fa"]?.voice, ["age": "adult", "gender": "male", "emotion": "happy"])
            XCTAssertEqual(found["emodb-08b10Wb"]?.attribute, "angry")
            XCTAssertEqual(found["emodb-08b10Wb"]?.voice?["gender"], "female")
            XCTAssertEqual(found["emodb-09a05Ea"]?.attribute, "disgusted")
            XCTAssertEqual(found["emodb-10a02Ab"]?.attribute, "fearful")
            XCTAssertEqual(found["emodb-11b03Td"]?.attribute, "sad")
            XCTAssertEqual(found["emodb-03a01Nc"]?.voice?["emotion"], "neutral")
            let bored = try XCTUnwrap(found["emodb-12a07Lb"])
            XCTAssertNil(bored.category)
            XCTAssertEqual(bored.voice, ["age": "adult", "gender": "male", "label": "boredom"])
            // Unheard voices of both genders in the test.
            let splits = Dictionary(grouping: found.values, by: \.split).mapValues { Set($0.map(\.speaker)) }
            XCTAssertEqual(splits.mapValues(\.count), [.train: 7, .validation: 1, .test: 2])
            XCTAssertEqual(splits[.test], ["emodb-15", "emodb-16"])
        }
    }

    func testWrongEmoDB() throws {
        try withLookAlike { set in
            try set.assertRefused(EmoDBImporter(), says: ["no folder wav"], kept: 0)
            try set.clips("wav/03a01Fa.wav")
            for (name, word) in [
                ("04a01Fa", "04"), ("03a03Fa", "a03"), ("03a01Xa", "X"), ("03a01", "six letters"),
            ] {
                try set.clips("wav/\(name).wav")
                try set.assertRefused(EmoDBImporter(), says: [name, word], kept: 1)
                try FileManager.default.removeItem(at: set.path("wav/\(name).wav"))
            }
        }
    }

    /// A session with a dialog of these turns and emotions.
    private func session(_ set: LookAlike, _ number: Int, _ dialog: String, _ turns: [(String, String)]) throws {
        let home = "Session\(number)"
        var labels = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n", texts = ""
        for (turn, emotion) in turns {
            labels += "[6.2901 - 8.2357]\t\(dialog)_\(turn)\t\(emotion)\t[2.5000, 2.5000, 2.5000]\n"
            labels += "C-E2:\tNeutral;\t()\nA-E3:\tval 3; act 2; dom  2;\t()\n\n"
            texts += "\(dialog)_\(turn) [006.2901-008.2357]: This is: \(turn).\n"
            try set.clips("\(home)/sentences/wav/\(dialog)/\(dialog)_\(turn).wav")
        }
        texts += "M: [BREATHING]\n\(dialog)_MXX0 [001.0000-002.0000]: Not labelled.\n"
        try set.write("\(home)/dialog/EmoEvaluation/\(dialog).txt", labels)
        try set.write("\(home)/dialog/EmoEvaluation/._\(dialog).txt", "an archive's rest")
        try set.write("\(home)/dialog/transcriptions/\(dialog).txt", texts)
    }

    func testIemocap() throws {
        try withLookAlike { set in
            try session(
                set, 1, "Ses01F_impro01",
                [
                    ("F000", "neu"), ("M000", "ang"), ("F001", "exc"), ("M001", "fru"), ("F002", "xxx"),
                    ("M002", "dis"),
                    ("F003", "sur"), ("M003", "oth"),
                ])
            try session(set, 4, "Ses04M_script01_1b", [("F000", "fea"), ("M000", "hap")])
            try session(set, 5, "Ses05M_script01_1", [("F000", "sad")])
            let found = try set.corpus(IemocapImporter())
            XCTAssertEqual(found.count, 11)
            XCTAssertEqual(
                found["iemocap-Ses01F_impro01_M000"],
                Utterance(
                    id: "iemocap-Ses01F_impro01_M000", audio: "audio/Ses01F_impro01_M000.wav", text: "This is: M000.",
                    category: .emotion, attribute: "angry", speaker: "iemocap-Ses01-M", engine: "human", split: .train,
                    voice: ["age": "adult", "gender": "male", "emotion": "angry", "label": "ang"]))
            XCTAssertEqual(found["iemocap-Ses01F_impro01_F001"]?.attribute, "happy")
            XCTAssertEqual(found["iemocap-Ses01F_impro01_F001"]?.voice?["label"], "exc")
            XCTAssertEqual(found["iemocap-Ses01F_impro01_M002"]?.attribute, "disgusted")
            XCTAssertEqual(found["iemocap-Ses01F_impro01_F003"]?.attribute, "surprised")
            for turn in ["F000", "M001", "F002", "M003"] {
                XCTAssertNil(found["iemocap-Ses01F_impro01_\(turn)"]?.category, turn)
            }
            XCTAssertEqual(found["iemocap-Ses01F_impro01_F000"]?.voice?["emotion"], "neutral")
            XCTAssertNil(found["iemocap-Ses01F_impro01_M001"]?.voice?["emotion"])
            // The woman of a file recorded for the man.
            let woman = try XCTUnwrap(found["iemocap-Ses04M_script01_1b_F000"])
            XCTAssertEqual(woman.voice?["gender"], "female")
            XCTAssertEqual(woman.speaker, "iemocap-Ses04-F")
            XCTAssertEqual(woman.attribute, "fearful")
            XCTAssertEqual(woman.split, .validation)
            XCTAssertEqual(found["iemocap-Ses05M_script01_1_F000"]?.split, .test)
            XCTAssertEqual(found["iemocap-Ses05M_script01_1_F000"]?.attribute, "sad")
        }
    }

    func testWrongIemocap() throws {
        try withLookAlike { set in
            try set.assertRefused(IemocapImporter(), says: ["no clip", "Session1"], kept: 0)
            try session(set, 1, "Ses01F_impro01", [("F000", "neu"), ("M000", "joy")])
            try set.assertRefused(
                IemocapImporter(), says: ["Ses01F_impro01.txt:7", "joy", "ang, dis"], kept: 1, rejected: [7])
            try session(set, 1, "Ses01F_impro01", [("F000", "neu"), ("M000", "sad")])
            let clip = set.path("Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav")
            try FileManager.default.removeItem(at: clip)
            try set.assertRefused(
                IemocapImporter(), says: ["Ses01F_impro01.txt:7", "found none", "M000.wav"], kept: 1, rejected: [7])
            try set.write(
                "Session1/dialog/transcriptions/Ses01F_impro01.txt", "Ses01F_impro01_M000 [1-2]: Only this one.\n")
            try set.clips("Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M000.wav")
            try set.assertRefused(IemocapImporter(), says: ["no text for Ses01F_impro01_F000"], kept: 1)
            try set.write(
                "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",
                "[1 - 2]\t../../../../x\tneu\t[1, 1, 1]\n[1 - 2]\tSes01F_impro01_M000\tneu\t[1, 1, 1]\n[1 - 2] cut\n")
            try set.assertRefused(
                IemocapImporter(), says: ["a turn like Ses01F_impro01_F000"], kept: 1, rejected: [1, 3])
        }
    }
}
