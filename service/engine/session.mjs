// The engine's single session, which many clients share: whose turn it is, and whose settings are in force.
import { literal, query, ready, SYNC, scan, typeOf } from "./wire.mjs";

const SLOW = 50; // ms

// The engine has search_path=pg_catalog, client_min_messages=debug3 and enable_seqscan=off on its command line, and
// RESET goes back to those. These are the values that a client expects instead.
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
 * Settings on top of others, or of the defaults, as a text that can be compared.
 * @param {Record<string, string>} own
 * @param {string} [base]
 */
export const settings = (own, base) =>
  JSON.stringify(Object.entries({ ...(base ? Object.fromEntries(JSON.parse(base)) : DEFAULTS), ...own }).sort());

export class Session {
  /** @type {Client | null} the client whose turn it is, from its first message until the session is idle again */
  owner = null;
  /**
   * The status in ReadyForQuery: I idle, T in a transaction, E in a failed one. Null after messages that no Sync has
   * followed yet.
   * @type {string | null}
   */
  status = "I";
  /** @type {Client | null} the client whose unnamed statement the session holds at present */
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
   * Gives the client a turn as soon as it is free.
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

  // Never takes the turn at once. So all sockets are read before each turn, which is fair, and cancel requests that
  // came during a slow query are read before the queries that waited for it are run.
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
      client.connection.heard = performance.now();
      if (this.status === "I") this.#leave(client);
    }
    const next = /** @type {Client | null} */ (this.owner); // the client's turn may have ended
    if (next ? next.ready : this.#line.length) this.#wake(performance.now() - began > SLOW);
  }

  /**
   * Tries the settings of a new client, unless the session is in use. False: they were refused, and the client was
   * told.
   * @param {Client} client
   */
  welcome(client) {
    return this.owner !== null || this.#enter(client);
  }

  /** @param {Client} client */
  #enter(client) {
    if (client.connection.gone || client.settings === this.#inForce) return true;
    const calls = /** @type {[string, string][]} */ (JSON.parse(client.settings))
      // last, because that role may lack the right to set the others
      .sort(([one], [other]) => Number(one === "role") - Number(other === "role"))
      .map(([name, value]) => `pg_catalog.set_config(${literal(name)}, ${literal(value)}, false)`);
    const { answer, failed } = this.exec(query(`reset role; reset all; select ${calls}`));
    if (failed)
      client.connection.end(answer?.subarray(0, -ready("I").length)); // its settings were refused
    else this.#inForce = client.settings;
    return !failed;
  }

  /** @param {Client} client */
  #leave(client) {
    this.owner = null;
    if (client.touched === "reset" || (client.touched && client.connection.gone)) {
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
   * Runs messages, and returns what `scan` finds in the answer; `answer` is null where it is too large.
   * @param {Buffer} bytes
   * @param {Buffer[] | null} source chunks for COPY to read
   * @returns {Omit<Found, "answer"> & { answer: Buffer | null }}
   */
  exec(bytes, source = null) {
    if (typeOf(bytes) === "Q") this.unnamed = null; // a simple query drops the unnamed statement, as in PostgreSQL
    this.#engine.source = source;
    const answer = this.#engine.exec(bytes);
    this.#engine.source = null;
    this.#worked = true;
    const found = answer ? scan(answer) : { answer, status: null, failed: true, tags: new Set(), value: null };
    this.status = found.status;
    return found;
  }

  /**
   * Runs a query of the bridge itself, and returns its only value, which is JSON.
   * @param {string} sql
   */
  ask(sql) {
    return JSON.parse(String(this.exec(query(sql)).value?.toString("latin1")));
  }

  /**
   * Ends the connection of a client that keeps the session in a transaction and sends nothing while others wait.
   * @param {number} patience ms
   */
  endIdleTransaction(patience) {
    if (this.owner && this.#line.length && performance.now() - this.owner.connection.heard > patience)
      this.owner.connection.fatal(
        "25P03",
        "it kept the only session there is, in a transaction, without a word for too long",
      );
  }

  /**
   * Writes a checkpoint. The engine has no checkpointer, so that a start after a crash would otherwise have to replay
   * everything that was ever written.
   */
  checkpoint() {
    if (this.owner || !this.#worked) return;
    this.exec(query("checkpoint"));
    this.#worked = false;
  }

  /** Rolls back what a client has left unfinished. */
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
