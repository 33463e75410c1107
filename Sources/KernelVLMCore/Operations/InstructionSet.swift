import CVLMKernels

/// What the C kernels are compiled for. Which of these a processor has is known when the program runs.
public enum InstructionSet: String, CaseIterable, Sendable {
  /// What every processor of the architecture has: SSE2 on x86-64, NEON on arm64.
  case baseline
  /// AVX2 and FMA: 8 floats at a time.
  case avx2
  /// AVX-512: 16 floats at a time.
  case avx512

  /// Those that this processor has, from the narrowest to the widest vectors.
  public static let available = allCases.filter { vlm_kernels_for($0.identifier) != nil }

  /// The widest.
  public static var best: InstructionSet { available.last ?? .baseline }

  var identifier: vlm_isa {
    switch self {
    case .baseline: VLM_ISA_BASELINE
    case .avx2: VLM_ISA_AVX2
    case .avx512: VLM_ISA_AVX512
    }
  }
}
