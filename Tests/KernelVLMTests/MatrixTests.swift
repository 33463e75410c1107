import ReferenceKernels
import Testing

@Test func columnsOfAMatrixKeepItsStride() {
  let memory = UnsafeMutablePointer<Int32>.allocate(capacity: 12)
  defer { memory.deallocate() }
  for i in 0..<12 { memory[i] = Int32(i) }
  let middle = Matrix(memory, rows: 3, columns: 4).columns(1..<3).rows(1..<3)
  #expect(middle[0, 0] == 5 && middle[1, 1] == 10)
}
