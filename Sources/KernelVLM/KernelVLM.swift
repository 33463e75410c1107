@_exported import KernelVLMCore
