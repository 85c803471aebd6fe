import ArgumentParser
import AudioLanguageModels
import Checkpoints
import Corpora
import Evaluation
import FineTuning
import Foundation
import LayerAnalysis
import MLX
import Reports
import Speech
import Tokenization

@main
struct Resurface: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resurface",
        abstract:
            "Finds the layers in which an audio language model hears its speaker, and teaches it to answer that speaker.",
        discussion: """
            Exit codes: 0 done, 1 failed, 2 wrong usage or input, 130 interrupted. Results go to standard output (--json for
            machines), progress to standard error.
            """,
        version: "0.1.0",
        subcommands: [
            Setup.self, CorpusCommand.self, Analyze.self, Finetune.self, Evaluate.self, Reproduce.self, Trace.self,
            Export.self, Align.self, Doctor.self,
        ])

    /// Runs the command and turns its error into a sentence and an exit code.
    static func main() {
        Interrupt.install()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            Self.fail(error)
        }
    }

    static func fail(_ error: any Error) -> Never {
        Progress.end()
        switch error {
        case is CancellationError:
            Progress.say("interrupted")
            Foundation.exit(130)
        case is ModelError, is CheckpointError, is SpeechError, is TokenizationError, is FineTuningError,
            is EvaluationError,
            is LayerAnalysisError, is CorpusError:
            Progress.say("error: \(error)")
            Foundation.exit(2)
        default:
            let code = exitCode(for: error)
            if code == .success || code == .validationFailure {
                // Help and wrong usage: the parser's own texts.
                let text = fullMessage(for: error)
                (code == .success ? FileHandle.standardOutput : .standardError).write(Data((text + "\n").utf8))
                Foundation.exit(code == .success ? 0 : 2)
            }
            Progress.say("error: \(error)")
            Foundation.exit(1)
        }
    }
}
