import Testing

@testable import KernelVLM
@testable import KernelVLMCore

@Suite struct ThreadsTests {
  @Test(arguments: [
    ("4", 4), ("1", 1), ("1024", 1024), ("3,2,1", 3), (" 2 , 8", 2), ("+5", 5),
  ])
  func theFirstNumberOfOpenMPsListCounts(text: String, count: Int) { #expect(Threads.asked(text) == count) }

  @Test(arguments: [nil, "", "0", "-1", "1025", "x", ",4", "2x", "1.5", "99999999999999999999"])
  func whatIsNoNumberOfThreadsIsIgnored(text: String?) { #expect(Threads.asked(text) == nil) }

  @Test(arguments: [
    ("0", 1), ("0-3", 4), ("0-3,8,10-11", 7), ("5", 1), ("", nil), ("x", nil), ("3-1", nil),
  ])
  func theStatusOfAProcessTellsItsCores(list: String, count: Int?) {
    #expect(Threads.allowed("Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t\(list)\nMems_allowed:\t1\n") == count)
  }

  @Test func aStatusWithoutCoresTellsNothing() { #expect(Threads.allowed("Name:\tx\n") == nil) }

  private static let unified = "41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate"
  private static let versionOne = """
    32 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
    33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:14 master:2 - cgroup cgroup rw,cpu,cpuacct
    """
  private static let container = "710 700 0:29 /docker/1f /sys/fs/cgroup/cpu ro master:11 - cgroup cgroup rw,cpu"

  static let limits: [(name: String, groups: String, mounts: String, files: [String: String], cores: Int?)] = [
    ("no limit", "0::/a/b", unified, ["/sys/fs/cgroup/a/b/cpu.max": "max 100000\n"], nil),
    ("no file", "0::/a/b", unified, [:], nil),
    ("one and a half, rounded up", "0::/a/b", unified, ["/sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"], 2),
    ("exactly two", "0::/a/b", unified, ["/sys/fs/cgroup/a/b/cpu.max": "200000 100000\n"], 2),
    ("a tenth of one", "0::/", unified, ["/sys/fs/cgroup/cpu.max": "10000 100000\n"], 1),
    (
      "the least of a group and its parents", "0::/a/b", unified,
      ["/sys/fs/cgroup/a/b/cpu.max": "800000 100000", "/sys/fs/cgroup/a/cpu.max": "300000 100000"], 3
    ),
    ("that of a brother does not count", "0::/a/b", unified, ["/sys/fs/cgroup/a/c/cpu.max": "100000 100000"], nil),
    ("a path above the namespace", "0::/../x", unified, ["/sys/fs/cgroup/x/cpu.max": "100000 100000"], 1),
    (
      "version 1", "5:memory:/m\n4:cpu,cpuacct:/a\n0::/a", versionOne,
      [
        "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "250000\n",
        "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/memory/m/cpu.cfs_quota_us": "1", "/sys/fs/cgroup/memory/m/cpu.cfs_period_us": "1",
      ], 3
    ),
    (
      "version 1 without a limit", "4:cpu:/a", versionOne,
      [
        "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "-1\n",
        "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
      ], nil
    ),
    (
      "version 1 in a container that sees the outer path", "4:cpu:/docker/1f", container,
      ["/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"], 2
    ),
    (
      "version 1 in a container that sees another path", "4:cpu:/elsewhere", container,
      ["/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"], 2
    ),
    ("nonsense", "x\n0::\n::\n1:cpu", "x - y\n- cgroup2\n", ["/cpu.max": "1 1"], nil),
    ("nonsense in the file", "0::/", unified, ["/sys/fs/cgroup/cpu.max": "a b c"], nil),
    ("a period of 0", "0::/", unified, ["/sys/fs/cgroup/cpu.max": "100000 0"], nil),
  ]

  @Test(arguments: limits.indices) func controlGroupsLimitTheCores(index: Int) {
    let limit = Self.limits[index]
    #expect(
      ControlGroups(groups: limit.groups, mounts: limit.mounts).cores { limit.files[$0] } == limit.cores,
      "\(limit.name)")
  }

  @Test func thereIsAtLeastOneCore() { #expect(Threads.cores >= 1 && Threads.defaultCount >= 1) }
}
