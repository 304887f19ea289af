// A client's connection: logs the client in, reads messages from its bytes, and sends the answers.
import { randomInt } from "node:crypto";

import { LIMIT } from "./engine.mjs";
import { Packets } from "./packets.mjs";
import { settings } from "./session.mjs";
import { failure, message, numbers, ready, startUp, text, typeOf } from "./wire.mjs";

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
const UTF8 = /^\W*utf-?8\W*$/i;

/**
 * @import { Socket } from "node:net"
 * @import { Client } from "./client.mjs"
 * @typedef {object} Registry All clients, and what the process knows for them.
 * @property {Record<string, string>} reported the settings that are reported to a client after its login
 * @property {(user: string, password: Buffer) => boolean} admits
 * @property {(client: Client) => void} welcome is called when it has logged in
 * @property {(client: Client) => void} forget
 * @property {(id: number, secret: number) => void} cancel
 * @typedef {object} Listener What belongs to the client that the connection serves.
 * @property {(settings: string) => boolean} start The client has sent its password. Whether the engine takes these
 *   settings; otherwise the connection was ended with the reason.
 * @property {() => void} entered It has logged in.
 * @property {(packet: Buffer) => void} take Another message has come.
 * @property {() => void} left It has gone, or is sent away.
 */

export class Connection {
  gone = false;
  /** When data last came from the client. */
  heard = 0;
  id;
  secret = randomInt(2 ** 31);
  socket;
  #registry;
  #listener;
  #inTime;
  #packets = new Packets();
  /** @type {"startup" | "password" | "ready"} */
  #stage = "startup";
  #user = "";
  #settings = "[]";

  /**
   * @param {number} id
   * @param {Socket} socket
   * @param {Registry} registry
   * @param {Listener} listener
   */
  constructor(id, socket, registry, listener) {
    this.id = id;
    this.socket = socket;
    this.#registry = registry;
    this.#listener = listener;
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

  /** @param {Buffer | null} [answer] */
  reply(answer) {
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
    this.#listener.left();
  }

  /** @param {Buffer} chunk */
  #receive(chunk) {
    if (this.gone) return;
    this.heard = performance.now();
    for (const packet of this.#packets.add(chunk, () => this.#next)) {
      if (!packet) return this.fatal("08P01", "invalid length of message");
      if (this.#stage === "startup") this.#begin(packet);
      else if (this.#stage === "password") this.#login(packet);
      else this.#listener.take(packet);
      if (this.gone) return;
    }
  }

  /** What the next packet looks like: the start-up packet has no type. */
  get #next() {
    return { typed: this.#stage !== "startup", limit: this.#stage === "ready" ? LIMIT : 10_000 };
  }

  /** @param {Buffer} packet */
  #begin(packet) {
    const code = packet.length < 8 ? 0 : packet.readUInt32BE(4);
    if (code === SSL || code === GSS) return this.reply(Buffer.from("N"));
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
    this.#settings = settings(own);
    this.#user = user;
    this.#stage = "password";
    this.reply(message("R", numbers(3)));
  }

  /** @param {Buffer} packet */
  #login(packet) {
    if (typeOf(packet) !== "p" || !this.#registry.admits(this.#user, packet.subarray(5, -1)))
      return this.fatal("28P01", `password authentication failed for user "${this.#user}"`);
    if (!this.#listener.start(this.#settings)) return;
    this.#stage = "ready";
    this.#inTime();
    this.#listener.entered();
    /** @type {Record<string, string>} */
    const own = Object.fromEntries(JSON.parse(this.#settings));
    const reported = Object.entries(this.#registry.reported).map(([name, value]) =>
      message("S", text(name, own[name.toLowerCase()] ?? value)),
    );
    const key = message("K", numbers(this.id, this.secret));
    this.reply(Buffer.concat([message("R", numbers(0)), ...reported, key, ready("I")]));
  }
}
