import ArgumentParser

struct KernelVLMCommand: ParsableCommand {
  static let version = "0.2.0"

  static let configuration = CommandConfiguration(
    commandName: "kernelvlm",
    abstract: "Trains a vision-language model of 32,240 parameters that sees a digit and spells its name.",
    discussion: """
      kernelvlm train --save model.safetensors     train on MNIST, in about a second
      kernelvlm evaluate model.safetensors         spell all 10,000 test images
      kernelvlm see model.safetensors photo.jpg    watch it spell what is written there
      kernelvlm info model.safetensors             what is in it, and how it was trained
      kernelvlm ablate                             which of its parts matter

      MNIST is taken from --data, else from the folder that KERNELVLM_DATA names, else from the user's cache folder, \
      where it is downloaded to if it is missing. Without a network, digits are drawn instead. Every figure says which \
      data it comes from.

      Results go to standard output, everything else to standard error.

      EXIT STATUS:
      0    success
      64   wrong use: an option, or settings that do not go together
      65   a file whose content is not what it should be
      66   a file that is missing
      69   a download that failed
      70   a training whose loss or gradient was not finite
      71   too little memory
      73   a file that cannot be written
      74   standard output that cannot be written
      130  stopped by Ctrl-C (143: by SIGTERM, 129: by a closed terminal)
      """,
    version: version,
    subcommands: [Train.self, Evaluate.self, See.self, InfoCommand.self, Ablate.self, DataCommand.self])
}
