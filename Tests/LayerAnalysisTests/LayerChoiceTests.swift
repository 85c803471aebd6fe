import Foundation
import LayerAnalysis
import MLX
import XCTest

final class LayerChoiceTests: XCTestCase {
    private func paper(noise: Double, seed: UInt64 = 1) -> [Analysis] {
        var random = SeededGenerator(seed: seed)
        func jitter(_ values: [Double]) -> [Double] { values.map { $0 + noise * (random.uniform() - 0.5) } }
        let layers = (0..<28).map(Double.init)
        let voice = layers.map { $0 < 7 ? 0.95 : $0 < 15 ? 0.65 : 0.58 }
        let intent = layers.map { $0 < 7 ? 0.2 : $0 < 15 ? 0.85 : 0.85 - 0.025 * ($0 - 14) }
        let delta = layers.map { $0 < 7 ? 0.01 : $0 < 15 ? 0.08 : 0.07 }
        // Falls at 7, lowest at 14, back up afterwards.
        let across = layers.map { $0 < 7 ? 0.98 : $0 < 15 ? 0.9 - 0.01 * ($0 - 7) : 0.85 + 0.003 * ($0 - 15) }
        let lens = layers.map { $0 < 20 ? 0.05 : min(1, 0.3 + 0.12 * ($0 - 20)) }
        return [
            Analysis(.paralinguisticProbe, curves: [curve("age", jitter(voice)), curve("gender", jitter(voice))]),
            Analysis(.intentProbe, curves: [curve("intent", jitter(intent))]),
            Analysis(.intentCosineDifference, curves: [curve("delta", delta, halfWidth: 0.01)]),
            Analysis(.declaredAgeCosine, curves: [curve("across", across, halfWidth: 0.005)]),
            Analysis(.logitLens, curves: [curve("norm", jitter(lens))]),
        ]
    }

    func testThePapersShapeGivesItsRange() throws {
        for (seed, noise) in [(1, 0), (2, 0.02), (3, 0.03)] as [(UInt64, Double)] {
            let choice = try LayerChoice.choose(paper(noise: noise, seed: seed), layers: 28)
            XCTAssertEqual(choice.source, .votes)
            XCTAssertEqual(choice.paralinguistic, .init(first: 0, last: 6))
            XCTAssertEqual(choice.semantic?.first, 7)
            XCTAssertEqual(Double(choice.tunedRange.last), 14, accuracy: noise == 0 ? 0 : 1)
            XCTAssertEqual(choice.generation?.first, 20)
            XCTAssertEqual(choice.tunedRange.first, 0)
            XCTAssertGreaterThan(choice.confidence, 0.8)
            if noise == 0 { XCTAssertEqual(choice.warnings, []) }
        }
    }

    func testFlatCurvesFallBackVisibly() throws {
        let flat = [Double](repeating: 0.7, count: 30)
        let choice = try LayerChoice.choose(
            [
                Analysis(.paralinguisticProbe, curves: [curve("age", flat)]),
                Analysis(.intentProbe, curves: [curve("intent", flat)]),
                Analysis(.logitLens, curves: [curve("norm", flat)]),
            ], layers: 30)
        XCTAssertEqual(choice.source, .fractionOfDepth)
        XCTAssertEqual(choice.tunedRange, .init(first: 0, last: 15))
        XCTAssertEqual(choice.confidence, 0)
        XCTAssertTrue(choice.warnings.contains { $0.contains("15/28") })
        XCTAssertTrue(choice.votes.allSatisfy { $0.layer == nil })
    }

    func testAGradualDeclineIsNoChangePoint() throws {
        let slope = (0..<28).map { 0.95 - 0.015 * Double($0) }
        XCTAssertNil(ChangePoint.find(slope, noise: 0.03, direction: .down))
        let choice = try LayerChoice.choose([Analysis(.paralinguisticProbe, curves: [curve("age", slope)])], layers: 28)
        XCTAssertEqual(choice.source, .fractionOfDepth)
        XCTAssertEqual(choice.tunedRange.last, 14)
    }

    func testNoiseIsNoChangePoint() {
        var random = SeededGenerator(seed: 5)
        var found = 0
        for _ in 0..<20 {
            let values = (0..<28).map { _ in 0.6 + 0.05 * (random.uniform() - 0.5) }
            if ChangePoint.find(values, noise: 0.05, direction: .up) != nil { found += 1 }
        }
        XCTAssertEqual(found, 0)
    }

    func testStepIsFoundWhereItIs() {
        let values = (0..<28).map { $0 < 11 ? 0.3 : 0.8 }
        XCTAssertEqual(ChangePoint.find(values, noise: 0.05, direction: .up)?.layer, 11)
        XCTAssertNil(ChangePoint.find(values, noise: 0.05, direction: .down))
        XCTAssertNil(ChangePoint.find(values, noise: 0.6, direction: .up))
        XCTAssertNil(ChangePoint.find([0, 1], noise: 0, direction: .up))
        XCTAssertNil(ChangePoint.find([], noise: 0, direction: .up))
    }

    func testDisagreeingVotesWarn() throws {
        var analyses = paper(noise: 0)
        analyses[2].curves = [curve("delta", (0..<28).map { $0 < 12 ? 0.01 : 0.1 }, halfWidth: 0.01)]
        let choice = try LayerChoice.choose(analyses, layers: 28)
        XCTAssertTrue(
            choice.warnings.contains { $0.contains("semantic start differ by 5 layers") }, "\(choice.warnings)")
        XCTAssertEqual(choice.semantic?.first, 7)
        XCTAssertLessThan(choice.confidence, 0.9)
    }

    /// Opposite intents that lie closer together than shuffled ones do not "move apart", however clear the step.
    func testAStepBelowItsControlIsNoVote() throws {
        let step = (0..<28).map { $0 < 7 ? -0.03 : -0.01 }
        for (control, vote) in [(0, nil), (-0.05, 7)] as [(Double, Int?)] {
            let delta = curve("delta", step, halfWidth: 0.005, control: control)
            let choice = try LayerChoice.choose([Analysis(.intentCosineDifference, curves: [delta])], layers: 28)
            XCTAssertEqual(choice.votes.first?.layer, vote)
            XCTAssertEqual(choice.votes.first?.reason.contains("not above shuffled labels"), vote == nil)
        }
        var analyses = paper(noise: 0)
        analyses[1].curves = [curve("intent", analyses[1].curves[0].values, control: 0.9)]
        let choice = try LayerChoice.choose(analyses, layers: 28)
        XCTAssertEqual(choice.votes.filter { $0.from == "intentProbe.intent" }.map(\.layer), [nil, nil])
    }

    func testCurvesOfAnotherDepthAreRefused() {
        XCTAssertThrowsError(try LayerChoice.choose(paper(noise: 0), layers: 30))
        XCTAssertThrowsError(try LayerChoice.choose([], layers: 0))
    }
}
