import ArgumentParser
import Foundation
import KernelVLM
import ReferenceKernels

extension KernelChoice.Backend: ExpressibleByArgument {}
extension KernelChoice.Precision: ExpressibleByArgument {}
extension InstructionSet: ExpressibleByArgument {}
extension Preset: ExpressibleByArgument {}
extension Split: ExpressibleByArgument {}
extension GradientKind: ExpressibleByArgument {}
extension ModelConfiguration.Attention: ExpressibleByArgument {}
extension Recipe.Schedule: ExpressibleByArgument {}
extension Recipe.Order: ExpressibleByArgument {}
extension Ablation.FeatureSet: ExpressibleByArgument {}

/// Which random stream the initial parameters come from.
enum InitialParameters: String, CaseIterable, ExpressibleByArgument {
  case numpy
}

/// A list of direct features: "2:8,3:8", or "none".
struct DirectList: ExpressibleByArgument {
  let features: [ModelConfiguration.DirectFeatures]

  init(_ features: [ModelConfiguration.DirectFeatures]) { self.features = features }

  init?(argument: String) {
    var features: [ModelConfiguration.DirectFeatures] = []
    for entry in argument == "none" ? [] : argument.split(separator: ",", omittingEmptySubsequences: false) {
      let numbers = entry.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
      guard numbers.count == 2, let degree = numbers[0], let count = numbers[1] else { return nil }
      features.append(.init(degree: degree, count: count))
    }
    self.features = features
  }

  var text: String { features.map { "\($0.degree):\($0.count)" }.joined(separator: ",") }
}
