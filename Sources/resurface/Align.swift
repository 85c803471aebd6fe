import ArgumentParser

/// `resurface align`: the embedded model learns to understand what is said.
struct Align: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains the embedded model's own parts: its projector, then an adapter of its language model.",
        discussion: """
            Both read plain speech: `resurface corpus build --parts alignment`. First the projector; then, with it in place, the
            language stage: to repeat what is heard, and to answer what is heard as what is read.
            """,
        subcommands: [ProjectorStage.self, LanguageStage.self], defaultSubcommand: ProjectorStage.self)
}
