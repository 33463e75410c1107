// node compare.mjs MODULE.wasm KERNELVLM: the same trainings in WebAssembly and by the command with --isa baseline, on
// the same drawn digits, must end in the same weights, bit for bit.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

const [file, command] = process.argv.slice(2)
const module = new WebAssembly.Module(readFileSync(file))
const images = 60000 // all that the command trains on

let faults = 0
function expect(holds, claim) {
  console.log(`${holds ? 'ok   ' : 'FAULT'} ${claim}`)
  if (!holds) faults += 1
}

/// A new memory, and a training in it: [exports, handle], the handle 0 if it was refused.
function begin({ count = images, seed = 42, batch = 1, order, gradient, attention = 'tensor' }) {
  const web = new WebAssembly.Instance(module).exports
  const degree = { dot: 1, tensor: 2 }[attention] ?? attention
  return [web, web.training_new(count, seed, batch, order === 'shuffled', gradient === 'published', degree)]
}

function webHash(settings, steps) {
  try {
    const [web, training] = begin(settings)
    if (training === 0 || Number.isNaN(web.training_run(training, steps))) return 'no training'
    const bytes = 4 * web.training_weight_count(training)
    const weights = new Uint8Array(web.memory.buffer, web.training_weights(training), bytes)
    return createHash('sha256').update(weights).digest('hex')
  } catch (trap) {
    return `${trap}`
  }
}

function commandHash(settings, steps) {
  const options = Object.entries({ ...settings, steps }).flatMap(([name, value]) => [`--${name}`, `${value}`])
  const line = ['train', '--data', 'drawn', '--isa', 'baseline', '--json', '--quiet', ...options]
  const result = JSON.parse(execFileSync(command, line, { encoding: 'utf8' }))
  if (result.train_images !== images) throw new Error(`${command} trained on ${result.train_images} images`)
  return result.weights_sha256
}

const imports = WebAssembly.Module.imports(module).map((entry) => entry.name)
expect(imports.length === 0, `imports: ${imports.join(', ') || 'none'}`)

const hashes = new Set()
const trainings = [
  [{}, 200],
  [{}, 7000],
  [{ seed: 7, gradient: 'published' }, 200],
  [{ attention: 'dot' }, 200],
  [{ order: 'shuffled', seed: 4294967295 }, 200],
  [{ order: 'shuffled', batch: 20 }, 200],
  [{ order: 'shuffled', batch: 20, attention: 'dot', gradient: 'published' }, 200],
  [{ order: 'shuffled', batch: 300, attention: 4 }, 201], // beyond the first pass
]
for (const [settings, steps] of trainings) {
  const [web, native] = [webHash(settings, steps), commandHash(settings, steps)]
  const name = Object.entries(settings).map((setting) => setting.join(' ')).join(', ') || 'default'
  expect(web === native, `${steps} steps, ${name}: ${web}${web === native ? '' : `, the command: ${native}`}`)
  hashes.add(native)
}
expect(hashes.size === trainings.length, 'and no two of these are the same')

const refused = [{ count: 0 }, { count: 60001 }, { count: -1 }, { batch: 0 }, { batch: 65537 }, { attention: 3 }]
for (const settings of refused) {
  expect(begin(settings)[1] === 0, `refused, not a trap: ${JSON.stringify(settings)}`)
}
const [web, training] = begin({ count: 100 })
web.training_run(training, 7000)
expect(Number.isNaN(web.training_run(training, 1)), 'no step after the schedule')

if (faults > 0) process.exit(1)
