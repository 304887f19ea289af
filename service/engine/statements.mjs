// The prepared statements of one client. All clients share the engine's session, so that each client's statements get
// a prefix of its own before their names.
import { copyFromStdin, message, SYNC, statementAt, text, textAt } from "./wire.mjs";

const SET_CONFIG = /\bset_config\s*\(/i;
// a file that doesn't exist, whose name is part of the error
const BAD_COPY = "/COPY FROM STDIN is taken alone and as a simple query";

/**
 * Whether a statement may change settings by a function.
 * @param {string} sql
 */
export const setsConfig = (sql) => SET_CONFIG.test(sql);
/**
 * A COPY FROM STDIN in a place where it can't be run, made to fail with an error that says so.
 * @param {import("./wire.mjs").Copy} copy
 */
export const failing = (copy) => copy.from(BAD_COPY);

export class Statements {
  /** The last Parse message for the unnamed statement. @type {Buffer | null} */
  unnamed = null;
  #prefix;
  /** @type {Map<string, boolean>} by name: whether the statement may change settings */
  #known = new Map();

  /** @param {number} id the client's */
  constructor(id) {
    this.#prefix = `${id.toString(36)}.`;
  }

  get size() {
    return this.#known.size;
  }

  get names() {
    return [...this.#known.keys()];
  }

  /** @param {string} name */
  has(name) {
    return this.#known.has(name);
  }

  /**
   * Forgets statements, and returns the messages that close them.
   * @param {string[]} names
   */
  closing(names) {
    const each = names.map((name) => message("C", text(`S${this.#prefix}${name}`)));
    for (const name of names) this.#known.delete(name);
    return Buffer.concat([...each, SYNC]);
  }

  /**
   * The message with the prefix before the name of its statement; whether it concerns the unnamed statement; and whether
   * it may change settings.
   * @param {string} type
   * @param {Buffer} packet
   */
  own(type, packet) {
    const at = statementAt(packet);
    const name = at ? textAt(packet, at) : "";
    if (type === "P") return { name, ...this.#parse(packet, name) };
    const sets = type === "B" && this.#known.get(name) === true;
    if (type === "C") this.#known.delete(name);
    const prefixed = () => message(type, packet.subarray(5, at), Buffer.from(this.#prefix), packet.subarray(at));
    return { name, sets, packet: name ? prefixed() : packet };
  }

  /**
   * @param {Buffer} packet
   * @param {string} name
   */
  #parse(packet, name) {
    const after = 5 + name.length + 1;
    const given = textAt(packet, after);
    const copy = copyFromStdin(given);
    const sql = copy ? failing(copy) : given;
    const parse = message("P", text(name && this.#prefix + name, sql), packet.subarray(after + given.length + 1));
    if (name) this.#known.set(name, setsConfig(sql));
    else this.unnamed = parse;
    return { sets: !name && setsConfig(sql), packet: parse };
  }
}
