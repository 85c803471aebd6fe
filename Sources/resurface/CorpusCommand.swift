import ArgumentParser

/// `resurface corpus`: making, importing and checking corpora.
struct CorpusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corpus", abstract: "Synthesises, imports, checks or verifies a corpus of spoken queries.",
        subcommands: [Build.self, Import.self, Check.self, Verify.self])
}
