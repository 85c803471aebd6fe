import ArgumentParser
import AudioLanguageModels
import Corpora
import Foundation
import MLX
import Speech

/// `resurface doctor`: what is set up, and what is missing.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks the set-up: engine, model, audio formats, speech engines.")

    @Flag(help: "Print a JSON object on standard output.")
    var json = false

    struct Check: Codable {
        var name: String
        var ok: Bool
        var detail: String
    }

    func run() throws {
        var checks: [Check] = []
        checks.append(
            Check(
                name: "engine", ok: true,
                detail: "MLX \(engineVersion), \(Device.current.rawValue), \(Device.threads) threads"))
        let lacking = Device.missingInstructions
        checks.append(
            Check(
                name: "kernels", ok: lacking == nil,
                detail: lacking.map { "this CPU lacks \($0): MLX's own, slower operations are used" }
                    ?? "fused CPU kernels"))
        let ready = SmolSetup.isReady
        checks.append(
            Check(name: "model", ok: ready, detail: ready ? SmolSetup.folder.path : "not set up: run `resurface setup`")
        )
        checks.append(
            Check(
                name: "projector", ok: SmolModel.shippedProjector != nil,
                detail: SmolModel.shippedProjector?.lastPathComponent ?? "missing: train one with `resurface align`"))
        let sound = SoundFileLibrary.version
        checks.append(
            Check(name: "FLAC, MP3, Ogg", ok: sound != nil, detail: sound ?? "libsndfile was not found: WAV only"))
        let speech = (try? SpeechEnvironment.installed()) ?? nil
        checks.append(
            Check(
                name: "speech engines", ok: speech != nil,
                detail: speech?.python.path ?? "not installed: `resurface corpus build` does it the first time"))
        let memory = ProcessInfo.processInfo.physicalMemory >> 20
        checks.append(
            Check(
                name: "memory", ok: memory > 3000,
                detail: "\(memory) MB; analysis and fine-tuning of smol need about 3 GB"))
        if json { return try printJSON(checks) }
        for c in checks {
            print((c.ok ? "ok    " : "note  ") + c.name.padding(toLength: 16, withPad: " ", startingAt: 0) + c.detail)
        }
    }
}
