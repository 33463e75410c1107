import ArgumentParser

@main
struct KernelVLMCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernelvlm", abstract: "Sees a digit and spells its name.")
}
