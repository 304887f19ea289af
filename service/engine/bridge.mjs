// The embedded engine's process: TimescaleDB in WebAssembly behind PostgreSQL's wire protocol on a port of 127.0.0.1.
//
// The owner, which started this process, writes one line of JSON to stdin: {packages, folder, password, port,
// patience}. `packages` is the folder of node_modules, `folder` that of the data, `port` may be 0 for any free port,
// and `patience` is how many ms a client may keep the session to itself. When stdin ends, the owner has ended, and so
// does this process. It writes one line of JSON to stdout, {port, version}, once it accepts clients. Where it ends
// because of an error, it writes the error to stderr; the owner then starts it again.
import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { writeSync } from "node:fs";
import { createServer } from "node:net";

import { Client } from "./client.mjs";
import { Engine } from "./engine.mjs";
import { watch } from "./owner.mjs";
import { Session } from "./session.mjs";

/** @import { Registry } from "./connection.mjs" */

const CHECKPOINT = 300_000; // ms
const CLIENTS = 256;
const STRANGERS = 64; // connections that haven't logged in, so that nobody without the password can keep others out
const REPORTED = `server_version server_encoding client_encoding application_name DateStyle TimeZone IntervalStyle
  integer_datetimes standard_conforming_strings is_superuser in_hot_standby default_transaction_read_only`;

/** @type {Map<number, Client>} */
const clients = new Map();
/**
 * @param {string} code
 * @param {string} detail
 */
const dismiss = (code, detail) => {
  for (const client of clients.values()) client.connection.fatal(code, detail);
};

// Not process.exit(), which waits for V8's compiler threads and may deadlock with them (seen once in fifty runs)
const end = () => process.kill(process.pid, "SIGKILL");

process.on("uncaughtException", (error) => {
  try {
    writeSync(2, `${String(error?.stack ?? error).slice(0, 2000)}\n`);
    dismiss("57P02", "the engine broke and is started again");
  } finally {
    end();
  }
});

/** @type {() => unknown} */
let stop = end;
process.once("SIGTERM", () => stop());
const { packages, folder, password, port, patience } = await watch(() => stop());
const session = new Session(await Engine.open(packages, folder));
/** @param {string | Buffer} bytes */
const digest = (bytes) => createHash("sha256").update(bytes).digest();

/** @type {Registry} */
const registry = {
  reported: session.ask(`select json_object_agg(name, current_setting(name))
    from unnest(string_to_array('${REPORTED.split(/\s+/)}', ',')) as name`),
  admits: (user, given) => user === "postgres" && timingSafeEqual(digest(given), digest(password)),
  welcome: (client) => strangers.delete(client.connection.socket),
  forget: (client) => clients.delete(client.connection.id),
  cancel(id, secret) {
    const client = clients.get(id);
    if (client?.connection.secret === secret) client.cancel();
  },
};

/** @type {Set<import("node:net").Socket>} those that haven't logged in, the oldest first */
const strangers = new Set();
let newest = 0;
const server = createServer((socket) => {
  strangers.add(socket);
  socket.once("close", () => strangers.delete(socket));
  const [oldest] = strangers;
  if (strangers.size > STRANGERS) oldest.destroy();
  const client = new Client(++newest, socket, session, registry);
  clients.set(client.connection.id, client);
});
server.maxConnections = CLIENTS + STRANGERS;
server.listen(port, "127.0.0.1");
await once(server, "listening");
setInterval(() => session.endIdleTransaction(patience), 1000);
setInterval(() => session.checkpoint(), CHECKPOINT);

stop = async () => {
  stop = () => {};
  server.close();
  dismiss("57P01", "terminating connection due to administrator command");
  await session.close();
  end();
};
const version = session.ask(`select to_json(format('TimescaleDB %s, PostgreSQL %s, in WebAssembly', extversion,
  current_setting('server_version'))) from pg_extension where extname = 'timescaledb'`);
const { port: taken } = /** @type {import("node:net").AddressInfo} */ (server.address());
console.log(JSON.stringify({ port: taken, version }));
