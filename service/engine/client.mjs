// One client's connection: reads messages from its bytes, runs them when it is the client's turn, and sends the
// answers.
import { randomInt } from "node:crypto";

import { DEVICE, LIMIT } from "./engine.mjs";
import { Packets } from "./packets.mjs";
import { settings } from "./session.mjs";
import { failing, Statements, setsConfig } from "./statements.mjs";
import {
  copyFromStdin,
  failure,
  literal,
  message,
  numbers,
  query,
  ready,
  SYNC,
  startUp,
  statementAt,
  text,
  textAt,
  typeOf,
} from "./wire.mjs";

const AHEAD = 1024 * 1024; // bytes that are read ahead of the client's turn; after that its socket isn't read
const LOGIN = 10_000; // ms for a client to log in, and to read the error before its connection is cut
/**
 * Calls back after LOGIN ms, or later if the engine was busy meanwhile and read nothing.
 * @param {() => void} callback
 */
const whenLate = (callback) => {
  let timer = setTimeout(() => {
    timer = setTimeout(callback, LOGIN / 2);
  }, LOGIN / 2);
  return () => clearTimeout(timer);
};
const [SSL, GSS, CANCEL, VERSION] = [80877103, 80877104, 80877102, 196608];

const EXTENDED = "PBDECHS";
const ANSWERED = "QFHScf"; // messages that are answered at once; the others are collected until one of these comes
const KNOWN = `${EXTENDED}${ANSWERED}dX`; // any other message breaks the engine

// What SQL is searched for: the deallocation of prepared statements, and settings that outlast the transaction
const OWN = /^\s*(?:discard\s+all|deallocate\s+(?:prepare\s+)?"?([\w.-]+)"?)\s*;?\s*$/i;
const LOCAL = /^\s*set\s+local\b[^;]*;?\s*$/i;
const UTF8 = /^\W*utf-?8\W*$/i;
const RESET_ALL = /\b(?:reset|discard)\s+all\b/i;

/**
 * @import { Socket } from "node:net"
 * @import { Session } from "./session.mjs"
 * @import { Copy } from "./wire.mjs"
 * @typedef {object} Registry All clients, and what the process knows for them.
 * @property {Record<string, string>} reported the settings that are reported to a client after its login
 * @property {(user: string, password: Buffer) => boolean} admits
 * @property {(client: Client) => void} welcome is called when it has logged in
 * @property {(client: Client) => void} forget
 * @property {(id: number, secret: number) => void} cancel
 */

export class Client {
  inLine = false;
  gone = false;
  /** When data last came from the client. */
  heard = 0;
  /** The settings that the client started with, and its present ones. */
  startup = "[]";
  settings = "[]";
  /** @type {"set" | "reset" | null} whether the client may have changed its settings in this turn */
  touched = null;
  id;
  secret = randomInt(2 ** 31);
  #registry;
  #session;
  socket;
  #inTime;
  /** @type {"startup" | "password" | "ready"} */
  #stage = "startup";
  #user = "";
  #packets = new Packets();
  /** @type {Buffer[]} */
  #inbox = [];
  #inboxBytes = 0;
  #answered = 0; // how many messages of the inbox are of the ANSWERED types
  #statements;
  #holds = false; // whether it holds something that a Sync would end: a portal, or the unnamed statement
  #skips = false; // whether messages are skipped up to the next Sync, because of an error
  /** @type {{ sql: string, chunks: Buffer[], bytes: number } | null} */
  #copy = null;

  /**
   * @param {number} id
   * @param {Socket} socket
   * @param {Session} session
   * @param {Registry} registry
   */
  constructor(id, socket, session, registry) {
    this.id = id;
    this.#statements = new Statements(id);
    this.socket = socket;
    this.#session = session;
    this.#registry = registry;
    socket.setNoDelay(true);
    this.#inTime = whenLate(() => socket.destroy());
    socket.on("data", (chunk) => this.#receive(chunk));
    socket
      .on("error", () => {})
      .on("close", () => {
        this.#inTime();
        this.#leave();
      });
  }

  /** Whether there is anything to run. */
  get ready() {
    if (this.gone) return this === this.#session.owner || this.#statements.size > 0;
    return this.#answered > 0 || this.#inboxBytes > AHEAD;
  }

  // ---- Input

  /** @param {Buffer} chunk */
  #receive(chunk) {
    if (this.gone) return;
    this.heard = performance.now();
    for (const packet of this.#packets.add(chunk, () => this.#next)) {
      if (!packet) return this.fatal("08P01", "invalid length of message");
      this.#take(packet);
      if (this.gone) return;
    }
  }

  /** What the next packet looks like: the start-up packet has no type. */
  get #next() {
    return { typed: this.#stage !== "startup", limit: this.#stage === "ready" ? LIMIT : 10_000 };
  }

  /** @param {Buffer} packet */
  #take(packet) {
    if (this.#stage === "startup") return this.#begin(packet);
    if (this.#stage === "password") return this.#login(packet);
    const type = typeOf(packet);
    if (!KNOWN.includes(type)) return this.fatal("08P01", `invalid frontend message type ${packet[0]}`);
    this.#inbox.push(packet);
    this.#inboxBytes += packet.length;
    if (ANSWERED.includes(type)) this.#answered += 1;
    this.#settle();
    if (this.#inboxBytes > AHEAD) this.socket.pause();
    this.#session.join(this);
  }

  #shift() {
    const packet = /** @type {Buffer} */ (this.#inbox.shift());
    this.#inboxBytes -= packet.length;
    if (ANSWERED.includes(typeOf(packet))) this.#answered -= 1;
    if (this.#inboxBytes <= AHEAD) this.socket.resume();
    return packet;
  }

  /** Handles the next messages as long as they don't need the session. */
  #settle() {
    while (this.#inbox.length) {
      const type = typeOf(this.#inbox[0]);
      if (type === "X") return this.end();
      if (this.#skips) {
        this.#shift();
        if (type !== "S") continue;
        this.#skips = false;
        this.#reply(ready("I"));
      } else if (type === "d" || (!this.#copy && "cf".includes(type))) this.#collect(this.#shift().subarray(5));
      else return;
    }
  }

  /**
   * Collects the data of a COPY. After a COPY has failed, the rest of its data is ignored, as by a PostgreSQL server.
   * @param {Buffer} data
   */
  #collect(data) {
    if (!this.#copy) return;
    this.#copy.bytes += data.length;
    if (this.#copy.bytes > LIMIT) this.#copy.chunks = [];
    else if (data.length) this.#copy.chunks.push(data);
  }

  // ---- Start

  /** @param {Buffer} packet */
  #begin(packet) {
    const code = packet.length < 8 ? 0 : packet.readUInt32BE(4);
    if (code === SSL || code === GSS) return this.#reply(Buffer.from("N"));
    if (code === CANCEL && packet.length === 16) {
      this.#registry.cancel(packet.readUInt32BE(8), packet.readUInt32BE(12));
      return this.end();
    }
    if (code !== VERSION) return this.fatal("0A000", "only version 3.0 of the protocol is spoken here");
    const { user, database, settings: own } = startUp(packet);
    if (!UTF8.test(own.client_encoding ?? "UTF8"))
      return this.fatal("0A000", "only UTF8 is spoken here: to convert breaks the engine");
    delete own.client_encoding; // it was checked above, and has many spellings
    if (database !== "postgres") return this.fatal("3D000", `database "${database}" does not exist`);
    this.startup = this.settings = settings(own);
    this.#user = user;
    this.#stage = "password";
    this.#reply(message("R", numbers(3)));
  }

  /** @param {Buffer} packet */
  #login(packet) {
    if (typeOf(packet) !== "p" || !this.#registry.admits(this.#user, packet.subarray(5, -1)))
      return this.fatal("28P01", `password authentication failed for user "${this.#user}"`);
    if (!this.#session.welcome(this)) return;
    this.#stage = "ready";
    this.#inTime();
    this.#registry.welcome(this);
    /** @type {Record<string, string>} */
    const own = Object.fromEntries(JSON.parse(this.settings));
    const reported = Object.entries(this.#registry.reported).map(([name, value]) =>
      message("S", text(name, own[name.toLowerCase()] ?? value)),
    );
    const key = message("K", numbers(this.id, this.secret));
    this.#reply(Buffer.concat([message("R", numbers(0)), ...reported, key, ready("I")]));
  }

  // ---- Output

  /** @param {Buffer | null} [answer] */
  #reply(answer) {
    if (this.gone || !answer) return;
    this.socket.write(answer);
    if (this.socket.writableLength > LIMIT) this.socket.destroy(); // the client doesn't read
  }

  /**
   * @param {string} code
   * @param {string} detail
   */
  fatal(code, detail) {
    this.end(failure(code, detail, "FATAL"));
  }

  /** @param {string | Buffer} last */
  end(last = "") {
    this.socket.end(last);
    this.#inTime();
    this.#inTime = whenLate(() => this.socket.destroy());
    this.#leave();
  }

  #leave() {
    if (this.gone) return;
    this.gone = true;
    this.#packets.clear();
    this.#inbox = [];
    this.#copy = null;
    this.#registry.forget(this);
    this.#session.join(this);
  }

  /**
   * Cancels the query that waits for its turn. A running query can't be cancelled: nothing is read until it has ended.
   */
  cancel() {
    if (!this.inLine || this.gone) return;
    this.#reply(failure("57014", "canceling statement due to user request"));
    if (EXTENDED.includes(typeOf(this.#inbox[0]))) this.#skips = true;
    else {
      this.#shift();
      this.#copy = null;
      this.#reply(ready("I"));
    }
    this.#settle();
  }

  // ---- A turn

  run() {
    const type = this.gone ? "X" : typeOf(this.#inbox[0]);
    if (type === "X") this.#tidy();
    else if (type === "Q") this.#simple(this.#shift());
    else if (type === "F") this.#reply(this.#exec(this.#shift()).answer);
    else if (type === "c" || type === "f") this.#endCopy(this.#shift());
    else this.#extended();
    this.#settle();
  }

  /**
   * @param {Buffer} bytes
   * @param {Buffer[]} [source]
   */
  #exec(bytes, source) {
    const found = this.#session.exec(bytes, source);
    if (!found.answer) this.fatal("54000", "an answer is larger than 256 MiB: use a cursor, or LIMIT");
    if (found.tags.has("SET") || found.tags.has("RESET")) this.touched = "set";
    return found;
  }

  /** @param {Buffer} packet */
  #simple(packet) {
    const sql = textAt(packet, 5);
    this.#statements.unnamed = null; // a simple query drops the unnamed statement, as in PostgreSQL
    this.#holds = false;
    const copy = copyFromStdin(sql);
    if (copy?.alone) return this.#beginCopy(copy);
    if (this.#deallocate(sql)) return;
    const before = this.touched;
    const { answer, tags } = this.#exec(copy ? query(failing(copy)) : packet);
    if (setsConfig(sql)) this.touched = "set";
    else if (RESET_ALL.test(sql) && !tags.has("SET")) this.touched = before ?? "reset";
    else if (LOCAL.test(sql)) this.touched = before;
    this.#reply(answer);
  }

  /**
   * Runs DEALLOCATE and DISCARD ALL, which must only drop the statements of this client; false if `sql` is neither.
   * @param {string} sql
   */
  #deallocate(sql) {
    const [own, name] = sql.match(OWN) ?? [];
    const all = own && /\ball\W*$/i.test(own);
    const possible = this.#session.status === "I" || (name && this.#session.status === "T");
    if (!possible || !(all || this.#statements.has(name))) return false;
    this.#session.exec(this.#statements.closing(all ? this.#statements.names : [name]));
    if (!name) this.#session.exec(query("close all; unlisten *; reset all"));
    if (!name) this.touched = "reset";
    const tag = (name ? "DEALLOCATE" : "DISCARD") + (all ? " ALL" : "");
    this.#reply(Buffer.concat([message("C", text(tag)), ready(this.#session.status ?? "I")]));
    return true;
  }

  #tidy() {
    this.#session.rollback();
    this.#session.exec(this.#statements.closing(this.#statements.names));
  }

  // ---- COPY FROM STDIN breaks the engine: the data are collected here and then copied from a device file.

  /** @param {Copy} copy */
  #beginCopy({ table, columns, binary, from }) {
    const { answer, failed, value } = this.#exec(
      query(`select count(*) from pg_catalog.pg_attribute where attrelid = ${literal(table)}::pg_catalog.regclass
        and attnum > 0 and not attisdropped and attgenerated = ''`),
    );
    if (failed || !value) return this.#reply(answer); // no value: the engine skips messages after an error
    const width = columns ?? Number(value.toString("latin1"));
    const format = Buffer.from([0, Number(binary)]);
    this.#reply(message("G", format.subarray(1), Buffer.from([width >> 8, width]), ...Array(width).fill(format)));
    this.#copy = { sql: from(DEVICE), chunks: [], bytes: 0 };
  }

  /** @param {Buffer} packet */
  #endCopy(packet) {
    if (!this.#copy) return;
    const { sql, chunks, bytes } = this.#copy;
    this.#copy = null;
    if (bytes > LIMIT) this.#reply(this.#raise("54000", "COPY of more than 256 MiB: send it in parts"));
    else if (typeOf(packet) === "f") this.#reply(this.#raise("57014", `COPY from stdin failed: ${textAt(packet, 5)}`));
    else this.#reply(this.#exec(query(sql), chunks).answer);
  }

  /**
   * Lets the engine itself raise an error, so that it also aborts the transaction.
   * @param {string} code
   * @param {string} detail
   */
  #raise(code, detail) {
    const block = `begin raise exception using errcode = ${literal(code)}, message = ${literal(detail)}; end`;
    return this.#exec(query(`do ${literal(block)}`)).answer;
  }

  // ---- Extended messages are run together up to the one that is answered.

  #extended() {
    const again = this.#parseAgain();
    const run = [];
    let type;
    do {
      type = typeOf(this.#inbox[0]);
      run.push(this.#keepApart(type, this.#shift()));
    } while (!"HS".includes(type) && EXTENDED.includes(typeOf(this.#inbox[0] ?? " ")));
    // A client that has only prepared a statement (Parse, Describe, Flush) may use it much later. A Sync on its behalf
    // frees the session until then.
    const early = type === "H" && !this.#holds && this.#session.status === "I";
    if (early) run.push(SYNC);
    if (type === "S") this.#holds = false;
    const { answer, failed } = this.#exec(Buffer.concat(run));
    this.#skips = early && failed;
    this.#reply(again);
    this.#reply(early ? answer?.subarray(0, -ready("I").length) : answer);
  }

  /** Parses the unnamed statement again, where another client's has replaced it. Returns the answer if that failed. */
  #parseAgain() {
    const next = this.#inbox[0];
    const named = !"BD".includes(typeOf(next)) || !statementAt(next) || textAt(next, statementAt(next));
    if (named || !this.#statements.unnamed || this.#session.unnamed === this) return null;
    const { answer, failed } = this.#exec(this.#statements.unnamed);
    this.#session.unnamed = this;
    return failed ? answer : null;
  }

  /**
   * The message, made one for this client's own statement.
   * @param {string} type
   * @param {Buffer} given
   */
  #keepApart(type, given) {
    if ("HS".includes(type)) return given;
    const { name, sets, packet } = this.#statements.own(type, given);
    if (!name || type === "B") this.#holds = true;
    if (sets) this.touched = "set";
    if (type === "P" && !name) this.#session.unnamed = this;
    return packet;
  }
}
