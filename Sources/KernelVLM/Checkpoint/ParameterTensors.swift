import ReferenceKernels

extension ParameterTable {
  /// Names and shapes of the tensors, each name behind `prefix`.
  func shapes(prefix: String = "") -> [(name: String, shape: [Int])] {
    entries.map { (prefix + $0.name, [$0.rows, $0.columns]) }
  }

  /// A flat buffer as named tensors, in the precision of its scalars.
  func tensors<Scalar: KernelScalar>(of buffer: Buffer<Scalar>, prefix: String = "") -> [Safetensors.Tensor] {
    if let floats = buffer.values as? [Float] {
      return entries.map { .init(prefix + $0.name, shape: [$0.rows, $0.columns], values: floats[$0.range]) }
    }
    let doubles = buffer.values.map(Double.init)
    return entries.map { .init(prefix + $0.name, shape: [$0.rows, $0.columns], values: doubles[$0.range]) }
  }

  /// Writes tensors, which must have the shapes of this table, to a flat buffer; rounded if that is less precise.
  func write<Scalar: KernelScalar>(_ tensors: some Collection<Safetensors.Tensor>, to buffer: Buffer<Scalar>) {
    precondition(tensors.count == entries.count, "\(tensors.count) tensors for \(entries.count)")
    for (entry, tensor) in zip(entries, tensors) {
      let row = buffer.matrix(at: entry.range.lowerBound, rows: 1, columns: entry.range.count)
      for (index, value) in tensor.values(as: Scalar.self).enumerated() { row[0, index] = value }
    }
  }
}

extension Collection<Safetensors.Tensor> {
  /// SHA-256 of all elements, little-endian, one tensor after the other.
  var sha256: String {
    var hash = SHA256()
    for tensor in self { tensor.bytes.withUnsafeBytes { hash.update($0) } }
    return hash.hex()
  }
}
