// One session underneath, many clients in front: whose turn it is, and what's in force in it.
import { literal, query, ready, SYNC, scan, typeOf } from "./wire.mjs";

const SLOW = 50; // ms

// The engine has search_path=pg_catalog, client_min_messages=debug3 and enable_seqscan=off on its command line, and
// RESET goes back to those: this is what a client expects to find instead.
const DEFAULTS = {
  client_min_messages: "notice",
  enable_seqscan: "on",
  jit: "off",
  log_min_messages: "warning",
  role: "none",
  search_path: '"$user", public',
  timezone: "UTC",
};
const IN_FORCE = `select coalesce(jsonb_object_agg(lower(name), setting), '{}')
  || jsonb_build_object('role', current_setting('role')) from pg_catalog.pg_settings where source = 'session'`;

/**
 * @import { Client } from "./client.mjs"
 * @import { Engine } from "./engine.mjs"
 * @import { Found } from "./wire.mjs"
 */

/**
 * Settings as a text that can be compared, on top of others or of the defaults.
 * @param {Record<string, string>} own
 * @param {string} [base]
 */
export const settings = (own, base) =>
  JSON.stringify(Object.entries({ ...(base ? Object.fromEntries(JSON.parse(base)) : DEFAULTS), ...own }).sort());

export class Session {
  /** @type {Client | null} whose turn it is: from its first message until the session is idle again */
  owner = null;
  /**
   * ReadyForQuery's: I idle, T in a transaction, E in a failed one; null after messages that a Sync has yet to end.
   * @type {string | null}
   */
  status = "I";
  /** @type {Client | null} whose unnamed statement is the one underneath */
  unnamed = null;
  #engine;
  /** @type {Client[]} */
  #line = [];
  #awake = false;
  /** @type {string | null} */
  #inForce = null;
  #worked = false;
  #closed = false;

  /** @param {Engine} engine */
  constructor(engine) {
    this.#engine = engine;
  }

  /**
   * A client has something to do.
   * @param {Client} client
   */
  join(client) {
    this.#standInLine(client);
    this.#wake();
  }

  /** @param {Client} client */
  #standInLine(client) {
    if (client === this.owner || client.inLine || !client.ready) return;
    client.inLine = true;
    this.#line.push(client);
  }

  // Never at once: so all sockets that have something are read before each turn, which is fair, and cancel requests
  // that came while a slow query ran are heard before those it kept waiting run.
  #wake(slow = false) {
    if (this.#awake) return;
    this.#awake = true;
    if (slow) setTimeout(() => this.#turn(), SLOW / 10);
    else setImmediate(() => this.#turn());
  }

  #turn() {
    this.#awake = false;
    if (this.#closed) return;
    const began = performance.now();
    const client = this.owner ?? this.#line.shift();
    if (!client) return;
    client.inLine = false;
    if (client.ready && (client === this.owner || this.#enter(client))) {
      this.owner = client;
      client.run();
      client.heard = performance.now();
      if (this.status === "I") this.#leave(client);
    }
    const next = /** @type {Client | null} */ (this.owner); // which may have left
    if (next ? next.ready : this.#line.length) this.#wake(performance.now() - began > SLOW);
  }

  /**
   * A client comes; one whose settings can't be is told at once, if that can be tried without waiting.
   * @param {Client} client
   */
  welcome(client) {
    return this.owner !== null || this.#enter(client);
  }

  /** @param {Client} client */
  #enter(client) {
    if (client.gone || client.settings === this.#inForce) return true;
    const calls = /** @type {[string, string][]} */ (JSON.parse(client.settings))
      .sort(([one], [other]) => Number(one === "role") - Number(other === "role")) // last: it may not set what's left
      .map(([name, value]) => `pg_catalog.set_config(${literal(name)}, ${literal(value)}, false)`);
    const { answer, failed } = this.exec(query(`reset role; reset all; select ${calls}`));
    if (failed)
      client.end(answer?.subarray(0, -ready("I").length)); // it came with settings that can't be
    else this.#inForce = client.settings;
    return !failed;
  }

  /** @param {Client} client */
  #leave(client) {
    this.owner = null;
    if (client.touched === "reset" || (client.touched && client.gone)) {
      client.settings = client.startup;
      this.#inForce = null;
    } else if (client.touched) {
      const found = this.ask(IN_FORCE);
      this.#inForce = settings(found, "[]");
      client.settings = settings(found, client.startup);
    }
    client.touched = null;
    this.#standInLine(client);
  }

  /**
   * What `scan` says of the answer; the answer is null where it's too large.
   * @param {Buffer} bytes
   * @param {Buffer[] | null} source chunks for COPY to read
   * @returns {Omit<Found, "answer"> & { answer: Buffer | null }}
   */
  exec(bytes, source = null) {
    if (typeOf(bytes) === "Q") this.unnamed = null; // so does a server
    this.#engine.source = source;
    const answer = this.#engine.exec(bytes);
    this.#engine.source = null;
    this.#worked = true;
    const found = answer ? scan(answer) : { answer, status: null, failed: true, tags: new Set(), value: null };
    this.status = found.status;
    return found;
  }

  /**
   * The JSON value that's the answer to a query of the bridge's own.
   * @param {string} sql
   */
  ask(sql) {
    return JSON.parse(String(this.exec(query(sql)).value?.toString("latin1")));
  }

  /**
   * Sends a client away that keeps the session to itself and says nothing while others wait.
   * @param {number} patience ms
   */
  hurry(patience) {
    if (this.owner && this.#line.length && performance.now() - this.owner.heard > patience)
      this.owner.fatal("25P03", "it kept the only session there is, in a transaction, without a word for too long");
  }

  /** There's no checkpointer: without this a start after a crash would have all that was ever written to replay. */
  checkpoint() {
    if (this.owner || !this.#worked) return;
    this.exec(query("checkpoint"));
    this.#worked = false;
  }

  /** Ends what a client has left unfinished. */
  rollback() {
    this.exec(SYNC);
    if (this.status !== "I") this.exec(query("rollback"));
  }

  async close() {
    this.#closed = true;
    this.rollback();
    await this.#engine.close();
  }
}
