import Foundation

/// Whether campaigns run in full: KERNELVLM_LONG=1 in the environment.
let runsLongTests = ProcessInfo.processInfo.environment["KERNELVLM_LONG"] == "1"
