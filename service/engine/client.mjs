// One client's end of the wire: from bytes to messages, from messages to turns, and the answers back.
import { randomInt } from "node:crypto";

import { DEVICE, LIMIT } from "./engine.mjs";
import { settings } from "./session.mjs";
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

const AHEAD = 1024 * 1024; // what a client may send ahead; beyond it its socket waits
const LOGIN = 10_000; // ms, and what's left to one that's sent away
const [SSL, GSS, CANCEL, VERSION] = [80877103, 80877104, 80877102, 196608];

const EXTENDED = "PBDECHS";
const ANSWERED = "QFHScf"; // the others wait for one of these
const KNOWN = `${EXTENDED}${ANSWERED}dX`; // any other breaks the engine
const BAD_COPY = "/COPY FROM STDIN is taken alone and as a simple query"; // a file that's not there

// What is looked for in SQL: statements' names given up, and settings that change for longer than a transaction
const OWN = /^\s*(?:discard\s+all|deallocate\s+(?:prepare\s+)?"?([\w.-]+)"?)\s*;?\s*$/i;
const LOCAL = /^\s*set\s+local\b[^;]*;?\s*$/i;
const SET_CONFIG = /\bset_config\s*\(/i;
const UTF8 = /^\W*utf-?8\W*$/i;
const RESET_ALL = /\b(?:reset|discard)\s+all\b/i;

/**
 * @import { Socket } from "node:net"
 * @import { Session } from "./session.mjs"
 * @import { Copy } from "./wire.mjs"
 * @typedef {object} House What knows all clients.
 * @property {Record<string, string>} reported the settings that a client is told of at its start
 * @property {(user: string, password: Buffer) => boolean} admits
 * @property {(client: Client) => void} forget
 * @property {(id: number, secret: number) => void} cancel
 */

export class Client {
  inLine = false;
  gone = false;
  /** When it was last heard of. */
  heard = 0;
  /** The settings it came with, and those it has now. */
  startup = "[]";
  settings = "[]";
  /** @type {"set" | "reset" | null} whether it may have changed them in this turn */
  touched = null;
  id;
  secret = randomInt(2 ** 31);
  #house;
  #session;
  #socket;
  /** @type {"startup" | "password" | "ready"} */
  #stage = "startup";
  #user = "";
  /** @type {Buffer[]} */
  #held = [];
  #heldBytes = 0;
  #wanted = 4;
  /** @type {Buffer[]} */
  #inbox = [];
  #inboxBytes = 0;
  #answered = 0; // how many of the inbox are
  #prefix;
  /** @type {Map<string, boolean>} name -> whether it may change settings */
  #statements = new Map();
  /** @type {Buffer | null} the last Parse without a name */
  #unnamed = null;
  #holds = false; // something that ends with Sync: a portal, an unnamed statement
  #skips = false; // an error was answered: what comes before Sync is passed over
  /** @type {{ sql: string, chunks: Buffer[], bytes: number } | null} */
  #copy = null;

  /**
   * @param {number} id
   * @param {Socket} socket
   * @param {Session} session
   * @param {House} house
   */
  constructor(id, socket, session, house) {
    this.id = id;
    this.#prefix = `${id.toString(36)}.`;
    this.#socket = socket;
    this.#session = session;
    this.#house = house;
    socket.setNoDelay(true).setTimeout(LOGIN, () => socket.destroy());
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", () => {}).on("close", () => this.#leave());
  }

  /** Whether there's something for a turn. */
  get ready() {
    if (this.gone) return this === this.#session.owner || this.#statements.size > 0;
    return this.#answered > 0 || this.#inboxBytes > AHEAD;
  }

  // ---- In

  /** @param {Buffer} chunk */
  #receive(chunk) {
    if (this.gone) return;
    this.heard = performance.now();
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#wanted) return;
    let data = this.#held.length > 1 ? Buffer.concat(this.#held) : chunk;
    while (!this.gone) {
      const type = this.#stage === "startup" ? 0 : 1; // the start-up packet has none
      this.#wanted = type + 4;
      if (data.length < this.#wanted) break;
      const length = data.readUInt32BE(type);
      if (length < 4 || length > (this.#stage === "ready" ? LIMIT : 10_000))
        return this.fatal("08P01", "invalid length of message");
      this.#wanted = type + length;
      if (data.length < this.#wanted) break;
      this.#take(data.subarray(0, this.#wanted));
      data = data.subarray(type + length);
    }
    this.#held = [data];
    this.#heldBytes = data.length;
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
    if (this.#inboxBytes > AHEAD) this.#socket.pause();
    this.#session.join(this);
  }

  #shift() {
    const packet = /** @type {Buffer} */ (this.#inbox.shift());
    this.#inboxBytes -= packet.length;
    if (ANSWERED.includes(typeOf(packet))) this.#answered -= 1;
    if (this.#inboxBytes <= AHEAD) this.#socket.resume();
    return packet;
  }

  /** Does away with what's next and needs no turn. */
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
   * A server, too, passes over the rest of a COPY that failed.
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
      this.#house.cancel(packet.readUInt32BE(8), packet.readUInt32BE(12));
      return this.end();
    }
    if (code !== VERSION) return this.fatal("0A000", "only version 3.0 of the protocol is spoken here");
    const { user, database, settings: own } = startUp(packet);
    if (!UTF8.test(own.client_encoding ?? "UTF8"))
      return this.fatal("0A000", "only UTF8 is spoken here: to convert breaks the engine");
    delete own.client_encoding; // spelled in many ways
    if (database !== "postgres") return this.fatal("3D000", `database "${database}" does not exist`);
    this.startup = this.settings = settings(own);
    this.#user = user;
    this.#stage = "password";
    this.#reply(message("R", numbers(3)));
  }

  /** @param {Buffer} packet */
  #login(packet) {
    if (typeOf(packet) !== "p" || !this.#house.admits(this.#user, packet.subarray(5, -1)))
      return this.fatal("28P01", `password authentication failed for user "${this.#user}"`);
    if (!this.#session.welcome(this)) return;
    this.#stage = "ready";
    this.#socket.setTimeout(0);
    /** @type {Record<string, string>} */
    const own = Object.fromEntries(JSON.parse(this.settings));
    const reported = Object.entries(this.#house.reported).map(([name, value]) =>
      message("S", text(name, own[name.toLowerCase()] ?? value)),
    );
    const key = message("K", numbers(this.id, this.secret));
    this.#reply(Buffer.concat([message("R", numbers(0)), ...reported, key, ready("I")]));
  }

  // ---- Out

  /** @param {Buffer | null} [answer] */
  #reply(answer) {
    if (this.gone || !answer) return;
    this.#socket.write(answer);
    if (this.#socket.writableLength > LIMIT) this.#socket.destroy(); // it doesn't read
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
    this.#socket.end(last).setTimeout(LOGIN, () => this.#socket.destroy());
    this.#leave();
  }

  #leave() {
    if (this.gone) return;
    this.gone = true;
    this.#held = this.#inbox = [];
    this.#copy = null;
    this.#house.forget(this);
    this.#session.join(this);
  }

  /** What waits for its turn is cancelled; what runs can't be, nothing is read before it has ended. */
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
    this.#unnamed = null; // so does a server
    this.#holds = false;
    const copy = copyFromStdin(sql);
    if (copy?.alone) return this.#beginCopy(copy);
    if (this.#deallocate(sql)) return;
    const before = this.touched;
    const { answer, tags } = this.#exec(copy ? query(copy.from(BAD_COPY)) : packet);
    if (SET_CONFIG.test(sql)) this.touched = "set";
    else if (RESET_ALL.test(sql) && !tags.has("SET")) this.touched = before ?? "reset";
    else if (LOCAL.test(sql)) this.touched = before;
    this.#reply(answer);
  }

  /**
   * DEALLOCATE and DISCARD ALL mean this client's statements, not everybody's; true: it was one, and is done.
   * @param {string} sql
   */
  #deallocate(sql) {
    const [own, name] = sql.match(OWN) ?? [];
    const all = own && /\ball\W*$/i.test(own);
    const possible = this.#session.status === "I" || (name && this.#session.status === "T");
    if (!possible || !(all || this.#statements.has(name))) return false;
    this.#close(all ? [...this.#statements.keys()] : [name]);
    if (!name) this.#session.exec(query("close all; unlisten *; reset all"));
    if (!name) this.touched = "reset";
    const tag = (name ? "DEALLOCATE" : "DISCARD") + (all ? " ALL" : "");
    this.#reply(Buffer.concat([message("C", text(tag)), ready(this.#session.status ?? "I")]));
    return true;
  }

  /** @param {string[]} names */
  #close(names) {
    const each = names.map((name) => message("C", text(`S${this.#prefix}${name}`)));
    this.#session.exec(Buffer.concat([...each, SYNC]));
    for (const name of names) this.#statements.delete(name);
  }

  #tidy() {
    this.#session.rollback();
    this.#close([...this.#statements.keys()]);
  }

  // ---- COPY FROM STDIN breaks the engine: the data are collected here and then copied from a file that isn't one.

  /** @param {Copy} copy */
  #beginCopy({ table, columns, binary, from }) {
    const { answer, failed, value } = this.#exec(
      query(`select count(*) from pg_catalog.pg_attribute where attrelid = ${literal(table)}::pg_catalog.regclass
        and attnum > 0 and not attisdropped and attgenerated = ''`),
    );
    if (failed || !value) return this.#reply(answer); // nothing: after an error, up to Sync, the engine passes over it
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
   * An error of the engine's own, so that it also ends the transaction.
   * @param {string} code
   * @param {string} detail
   */
  #raise(code, detail) {
    const block = `begin raise exception using errcode = ${literal(code)}, message = ${literal(detail)}; end`;
    return this.#exec(query(`do ${literal(block)}`)).answer;
  }

  // ---- Extended messages: as many at once as end with an answer.

  #extended() {
    const again = this.#parseAgain();
    const run = [];
    let type;
    do {
      type = typeOf(this.#inbox[0]);
      run.push(this.#keepApart(type, this.#shift()));
    } while (!"HS".includes(type) && EXTENDED.includes(typeOf(this.#inbox[0] ?? " ")));
    // A client that has asked for no more than a statement (Parse, Describe, Flush) may use it much later: a Sync on
    // its behalf gives the session free until then.
    const early = type === "H" && !this.#holds && this.#session.status === "I";
    if (early) run.push(SYNC);
    if (type === "S") this.#holds = false;
    const { answer, failed } = this.#exec(Buffer.concat(run));
    this.#skips = early && failed;
    this.#reply(again);
    this.#reply(early ? answer?.subarray(0, -ready("I").length) : answer);
  }

  /** The unnamed statement may have been replaced by another client's; the answer is of interest where it failed. */
  #parseAgain() {
    const next = this.#inbox[0];
    const named = !"BD".includes(typeOf(next)) || !statementAt(next) || textAt(next, statementAt(next));
    if (named || !this.#unnamed || this.#session.unnamed === this) return null;
    const { answer, failed } = this.#exec(this.#unnamed);
    this.#session.unnamed = this;
    return failed ? answer : null;
  }

  /**
   * A message as the session may see it.
   * @param {string} type
   * @param {Buffer} packet
   */
  #keepApart(type, packet) {
    if ("HS".includes(type)) return packet;
    const at = statementAt(packet);
    const name = at ? textAt(packet, at) : "";
    if (!name || type === "B") this.#holds = true;
    if (type === "C") this.#statements.delete(name);
    if (type === "B" && this.#statements.get(name)) this.touched = "set";
    if (type === "P") return this.#parse(packet, name);
    return name ? message(type, packet.subarray(5, at), Buffer.from(this.#prefix), packet.subarray(at)) : packet;
  }

  /**
   * @param {Buffer} packet
   * @param {string} name
   */
  #parse(packet, name) {
    const after = 5 + name.length + 1;
    const given = textAt(packet, after);
    const sql = copyFromStdin(given)?.from(BAD_COPY) ?? given;
    const parse = message("P", text(name && this.#prefix + name, sql), packet.subarray(after + given.length + 1));
    if (name) this.#statements.set(name, SET_CONFIG.test(sql));
    else {
      if (SET_CONFIG.test(sql)) this.touched = "set";
      this.#unnamed = parse;
      this.#session.unnamed = this;
    }
    return parse;
  }
}
