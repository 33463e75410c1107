import ArgumentParser

/// What goes to standard error.
struct NoteOptions: ParsableArguments {
  @Flag(help: "Print no notes and no progress, errors alone.")
  var quiet = false
}

/// A command that prints notes.
protocol NotingCommand {
  var noteOptions: NoteOptions { get }
}
