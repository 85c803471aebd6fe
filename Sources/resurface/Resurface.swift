import ArgumentParser

@main
struct Resurface: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resurface",
        abstract:
            "Finds the layers in which an audio language model hears its speaker, and teaches it to answer that speaker.",
        subcommands: [Setup.self])
}
