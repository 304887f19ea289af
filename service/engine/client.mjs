// A client: keeps its messages until it is the client's turn, runs them, and sends the answers.
import { Connection } from "./connection.mjs";
import { DEVICE, LIMIT } from "./engine.mjs";
import { failing, Statements, setsConfig } from "./statements.mjs";
import {
  copyFromStdin,
  failure,
  literal,
  message,
  query,
  ready,
  SYNC,
  statementAt,
  text,
  textAt,
  typeOf,
} from "./wire.mjs";

const AHEAD = 1024 * 1024; // bytes that are read ahead of the client's turn; after that its socket isn't read

const EXTENDED = "PBDECHS";
const ANSWERED = "QFHScf"; // messages that are answered at once; the others are collected until one of these comes
const KNOWN = `${EXTENDED}${ANSWERED}dX`; // any other message breaks the engine

// What SQL is searched for: the deallocation of prepared statements, and settings that outlast the transaction
const OWN = /^\s*(?:discard\s+all|deallocate\s+(?:prepare\s+)?"?([\w.-]+)"?)\s*;?\s*$/i;
const LOCAL = /^\s*set\s+local\b[^;]*;?\s*$/i;
const RESET_ALL = /\b(?:reset|discard)\s+all\b/i;

/**
 * @import { Socket } from "node:net"
 * @import { Registry } from "./connection.mjs"
 * @import { Session } from "./session.mjs"
 * @import { Copy } from "./wire.mjs"
 */

export class Client {
  inLine = false;
  /** The settings that the client started with, and its present ones. */
  startup = "[]";
  settings = "[]";
  /** @type {"set" | "reset" | null} whether the client may have changed its settings in this turn */
  touched = null;
  connection;
  #session;
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
    this.#statements = new Statements(id);
    this.#session = session;
    this.connection = new Connection(id, socket, registry, {
      start: (given) => {
        this.startup = this.settings = given;
        return session.welcome(this);
      },
      entered: () => registry.welcome(this),
      take: (packet) => this.#take(packet),
      left: () => {
        this.#inbox = [];
        this.#copy = null;
        registry.forget(this);
        session.join(this);
      },
    });
  }

  /** Whether there is anything to run. */
  get ready() {
    if (this.connection.gone) return this === this.#session.owner || this.#statements.size > 0;
    return this.#answered > 0 || this.#inboxBytes > AHEAD;
  }

  // ---- Input

  /** @param {Buffer} packet */
  #take(packet) {
    const type = typeOf(packet);
    if (!KNOWN.includes(type)) return this.connection.fatal("08P01", `invalid frontend message type ${packet[0]}`);
    this.#inbox.push(packet);
    this.#inboxBytes += packet.length;
    if (ANSWERED.includes(type)) this.#answered += 1;
    this.#settle();
    if (this.#inboxBytes > AHEAD) this.connection.socket.pause();
    this.#session.join(this);
  }

  #shift() {
    const packet = /** @type {Buffer} */ (this.#inbox.shift());
    this.#inboxBytes -= packet.length;
    if (ANSWERED.includes(typeOf(packet))) this.#answered -= 1;
    if (this.#inboxBytes <= AHEAD) this.connection.socket.resume();
    return packet;
  }

  /** Handles the next messages as long as they don't need the session. */
  #settle() {
    while (this.#inbox.length) {
      const type = typeOf(this.#inbox[0]);
      if (type === "X") return this.connection.end();
      if (this.#skips) {
        this.#shift();
        if (type !== "S") continue;
        this.#skips = false;
        this.connection.reply(ready("I"));
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

  /**
   * Cancels the query that waits for its turn. A running query can't be cancelled: nothing is read until it has ended.
   */
  cancel() {
    if (!this.inLine || this.connection.gone) return;
    this.connection.reply(failure("57014", "canceling statement due to user request"));
    if (EXTENDED.includes(typeOf(this.#inbox[0]))) this.#skips = true;
    else {
      this.#shift();
      this.#copy = null;
      this.connection.reply(ready("I"));
    }
    this.#settle();
  }

  // ---- A turn

  run() {
    const type = this.connection.gone ? "X" : typeOf(this.#inbox[0]);
    if (type === "X") this.#tidy();
    else if (type === "Q") this.#simple(this.#shift());
    else if (type === "F") this.connection.reply(this.#exec(this.#shift()).answer);
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
    if (!found.answer) this.connection.fatal("54000", "an answer is larger than 256 MiB: use a cursor, or LIMIT");
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
    this.connection.reply(answer);
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
    this.connection.reply(Buffer.concat([message("C", text(tag)), ready(this.#session.status ?? "I")]));
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
    if (failed || !value) return this.connection.reply(answer); // no value: the engine skips messages after an error
    const width = columns ?? Number(value.toString("latin1"));
    const format = Buffer.from([0, Number(binary)]);
    this.connection.reply(
      message("G", format.subarray(1), Buffer.from([width >> 8, width]), ...Array(width).fill(format)),
    );
    this.#copy = { sql: from(DEVICE), chunks: [], bytes: 0 };
  }

  /** @param {Buffer} packet */
  #endCopy(packet) {
    if (!this.#copy) return;
    const { sql, chunks, bytes } = this.#copy;
    this.#copy = null;
    if (bytes > LIMIT) this.connection.reply(this.#raise("54000", "COPY of more than 256 MiB: send it in parts"));
    else if (typeOf(packet) === "f")
      this.connection.reply(this.#raise("57014", `COPY from stdin failed: ${textAt(packet, 5)}`));
    else this.connection.reply(this.#exec(query(sql), chunks).answer);
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
    this.connection.reply(again);
    this.connection.reply(early ? answer?.subarray(0, -ready("I").length) : answer);
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
