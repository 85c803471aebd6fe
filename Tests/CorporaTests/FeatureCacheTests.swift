import AudioLanguageModels
import Corpora
import Foundation
import TestSupport
import XCTest

final class FeatureCacheTests: XCTestCase {
    private let features = AudioFeatures(
        values: [1, -2, .pi, 0, 1e-30, 7], count: 2, width: 3, encoderStates: [[1, 2], [3, 4], []])

    func testKeepsBitForBit() throws {
        try withTemporaryFolder { folder in
            let clip = folder.appendingPathComponent("a.wav")
            try writeClip(clip)
            let cache = FeatureCache(folder: folder.appendingPathComponent("cache"), modelHash: "m")
            var made = 0
            for _ in 0..<3 {
                let found = try cache.features(of: clip) { clip in
                    made += 1
                    XCTAssertEqual(clip.sampleRate, 16_000)
                    return features
                }
                XCTAssertEqual(found, features)
            }
            XCTAssertEqual(made, 1)
            let other = FeatureCache(folder: cache.folder, modelHash: "n")
            XCTAssertNil(other.load(try other.key(of: clip)))
            let newer = FeatureCache(folder: cache.folder, modelHash: "m", version: "2")
            XCTAssertNil(newer.load(try newer.key(of: clip)))
            try writeClip(clip, hertz: 230)
            XCTAssertNil(cache.load(try cache.key(of: clip)))
        }
    }

    /// Every truncation and every changed byte counts as absent.
    func testDamage() throws {
        try withTemporaryFolder { folder in
            let cache = FeatureCache(folder: folder, modelHash: "m")
            try cache.store(features, key: "abcd")
            let file = cache.url("abcd")
            let good = try Data(contentsOf: file)
            for length in 0..<good.count {
                try good.prefix(length).write(to: file)
                XCTAssertNil(cache.load("abcd"), "cut at \(length)")
            }
            for place in 0..<good.count {
                var bad = good
                bad[place] ^= 0x80
                try bad.write(to: file)
                XCTAssertNil(cache.load("abcd"), "byte \(place)")
            }
            try (good + Data([0])).write(to: file)
            XCTAssertNil(cache.load("abcd"))
            try good.write(to: file)
            XCTAssertEqual(cache.load("abcd"), features)
            var wrong = features
            wrong.width = 4
            XCTAssertThrowsError(try cache.store(wrong, key: "abce"))
        }
    }
}
