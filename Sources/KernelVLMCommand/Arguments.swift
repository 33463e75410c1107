import ArgumentParser
import Foundation
import KernelVLM

extension KernelChoice.Backend: ExpressibleByArgument {}
extension KernelChoice.Precision: ExpressibleByArgument {}
extension InstructionSet: ExpressibleByArgument {}
extension Preset: ExpressibleByArgument {}
extension Split: ExpressibleByArgument {}
extension Ablation.FeatureSet: ExpressibleByArgument {}
extension Ablation.Training: ExpressibleByArgument {}
