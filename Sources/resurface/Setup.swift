import ArgumentParser
import AudioLanguageModels
import Checkpoints
import Foundation

/// `resurface setup`: the embedded model, fetched and converted once.
struct Setup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetches the embedded model's pinned weights, checks their hashes and converts them once.",
        discussion: """
            The model goes to the cache folder and nowhere else: $RESURFACE_CACHE, else $XDG_CACHE_HOME/resurface, else
            ~/.cache/resurface (macOS: ~/Library/Caches/resurface). It takes 570 MB there; 1 GB must be free meanwhile.
            Needs python3 with pip, and the network once. Safe to run again and to interrupt.
            """)

    @Flag(help: "Print a JSON object on standard output.")
    var json = false

    @Flag(help: "Hash every file of a model that is set up already.")
    var verify = false

    func run() throws {
        let start = Date()
        let wasReady = SmolSetup.isReady
        if verify, wasReady { try SmolSetup.check(everything: true) }
        let terminal = isatty(2) == 1
        var last = ""
        let folder = try SmolSetup.fetch { fraction, what in
            let line = "\(Int(fraction * 100)) % \(what)"
            guard terminal || what != last else { return }
            last = what
            FileHandle.standardError.write(Data((terminal ? "\r\u{1b}[K\(line)" : "\(line)\n").utf8))
        }
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
