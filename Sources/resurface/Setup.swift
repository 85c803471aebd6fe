import ArgumentParser
import AudioLanguageModels
import Checkpoints
import Foundation

/// `resurface setup`: the embedded model, fetched and converted once.
struct Setup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Fetches the pinned weights of the embedded model and the transcriber, checks their hashes and converts them once.",
        discussion: """
            Both go to the cache folder and nowhere else: $RESURFACE_CACHE, else $XDG_CACHE_HOME/resurface, else
            ~/.cache/resurface (macOS: ~/Library/Caches/resurface). They take 650 MB there; 1 GB must be free meanwhile.
            Needs python3 with pip, and the network once. Safe to run again and to interrupt.
            """)

    @Flag(help: "Print a JSON object on standard output.")
    var json = false

    @Flag(help: "Hash every file of a model that is set up already.")
    var verify = false

    func run() throws {
        let start = Date()
        let wasReady = SmolSetup.isReady && TranscriberSetup.isReady
        if verify, wasReady {
            try SmolSetup.check(everything: true)
            try AtomicDirectory.verify(TranscriberSetup.folder)
        }
        let terminal = isatty(2) == 1
        var last = ""
        func show(_ fraction: Double, _ what: String) {
            let line = "\(Int(fraction * 100)) % \(what)"
            guard terminal || what != last else { return }
            last = what
            FileHandle.standardError.write(Data((terminal ? "\r\u{1b}[K\(line)" : "\(line)\n").utf8))
        }
        let folder = try SmolSetup.fetch(progress: show, shouldStop: { Interrupt.requested })
        try TranscriberSetup.fetch(progress: show, shouldStop: { Interrupt.requested })
        if terminal, !wasReady { FileHandle.standardError.write(Data("\n".utf8)) }
        if json {
            let seconds = (Date().timeIntervalSince(start) * 100).rounded() / 100
            let answer: JSONValue = [
                "folder": .string(folder.path), "fetched": .bool(!wasReady), "seconds": .number(seconds),
            ]
            print(answer.text())
        } else {
            print(
                wasReady
                    ? "The embedded model is there: \(folder.path)" : "The embedded model is set up: \(folder.path)")
        }
    }
}
