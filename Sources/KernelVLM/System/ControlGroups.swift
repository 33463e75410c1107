/// The control groups of a process (cgroups(7)), which may be given less time than the machine's cores have.
struct ControlGroups {
  /// The folders of a group and of those it is in, and whether they are of version 2.
  private let hierarchies: [(folders: [String], isUnified: Bool)]

  /// - Parameters:
  ///   - groups: what /proc/self/cgroup says: "0::/a/b" in version 2, "4:cpu,cpuacct:/a/b" in version 1.
  ///   - mounts: what /proc/self/mountinfo says: "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw".
  init(groups: String, mounts: String) {
    let mounts = mounts.split(separator: "\n").compactMap(Mount.init)
    hierarchies = groups.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { return nil }
      let isUnified = fields[1].isEmpty
      guard isUnified || fields[1].split(separator: ",").contains("cpu"),
        let mount = mounts.first(where: { isUnified ? $0.isUnified : $0.hasCPU })
      else { return nil }
      return (mount.folders(of: fields[2]), isUnified)
    }
  }

  /// How many cores they give the time of, rounded up; nil if they set no limit. `read` returns a file's content.
  func cores(_ read: (String) -> String?) -> Int? {
    let quotas = hierarchies.flatMap { folders, isUnified in
      folders.compactMap { folder in
        let words =
          isUnified
          ? read(folder + "/cpu.max")
          : read(folder + "/cpu.cfs_quota_us").flatMap { quota in
            read(folder + "/cpu.cfs_period_us").map { quota + " " + $0 }
          }
        return words.flatMap(Self.cores)
      }
    }
    return quotas.min()
  }

  /// Of "150000 100000", microseconds in so many; nil for "max 100000" and "-1 100000", which are no limit.
  private static func cores(_ quotaAndPeriod: String) -> Int? {
    let numbers = quotaAndPeriod.split(whereSeparator: \.isWhitespace).map { Int($0) }
    guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0 else { return nil }
    return (quota - 1) / period + 1
  }

  private struct Mount {
    let root: Substring
    let point: Substring
    let isUnified: Bool
    let hasCPU: Bool

    init?(_ line: Substring) {
      let fields = line.split(separator: " ")
      guard let dash = fields.firstIndex(of: "-"), dash > 4, dash + 3 < fields.count else { return nil }
      root = fields[3]
      point = fields[4]
      isUnified = fields[dash + 1] == "cgroup2"
      hasCPU = fields[dash + 1] == "cgroup" && fields[dash + 3].split(separator: ",").contains("cpu")
    }

    /// Where this shows the group `path` and those it is in. Of a path that it does not show, what it does: in a container
    /// that is the container's group.
    func folders(of path: Substring) -> [String] {
      let names = path.split(separator: "/")
      let hidden = root.split(separator: "/")
      let shown = names.starts(with: hidden) ? names.dropFirst(hidden.count).filter { $0 != ".." } : []
      return shown.indices.reduce(into: [String(point)]) { folders, i in folders.append("\(folders[i])/\(shown[i])") }
    }
  }
}
