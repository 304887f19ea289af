// PostgreSQL's wire protocol, version 3.0, as far as the bridge has to understand it:
// https://www.postgresql.org/docs/17/protocol-message-formats.html
// Text is read and written as latin1, which preserves every byte of any encoding.

const [E, C, N, D, Z] = Buffer.from("ECNDZ");

/** @param {string[]} words */
export const text = (...words) => Buffer.from(words.map((word) => `${word}\0`).join(""), "latin1");

/** @param {number[]} values */
export function numbers(...values) {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeInt32BE(value, 4 * index);
  return bytes;
}

/**
 * @param {string} type
 * @param {Uint8Array[]} parts
 */
export function message(type, ...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  return Buffer.concat([Buffer.from(type), numbers(length), ...parts]);
}

export const SYNC = message("S");
/** @param {string} sql */
export const query = (sql) => message("Q", text(sql));
/** @param {string} status */
export const ready = (status) => message("Z", Buffer.from(status));
/**
 * @param {string} code
 * @param {string} detail
 */
export const failure = (code, detail, severity = "ERROR") =>
  message("E", text(`S${severity}`, `V${severity}`, `C${code}`, `M${detail}`, ""));
/** @param {string} value */
export const literal = (value) => `'${value.replaceAll("'", "''")}'`;
/** @param {Uint8Array} packet */
export const typeOf = (packet) => String.fromCharCode(packet[0]);
/**
 * The text that starts at a position of a packet and ends with NUL or, in a malformed packet, with the packet.
 * @param {Buffer} packet
 * @param {number} at
 */
export function textAt(packet, at) {
  const end = packet.indexOf(0, at);
  return packet.toString("latin1", at, end < 0 ? packet.length : end);
}

/**
 * What the bridge has to know about an answer.
 * @typedef {object} Found
 * @property {Buffer} answer the answer without PGlite's debugging messages "# 1743: …"
 * @property {string | null} status the status in ReadyForQuery; null if there is none
 * @property {boolean} failed whether it contains an error
 * @property {Set<string>} tags the first characters of its command tags
 * @property {Buffer | null} value the first value of its first row
 */

/** @param {Buffer} answer */
export function scan(answer) {
  /** @type {Found} */
  const found = { answer, status: null, failed: false, tags: new Set(), value: null };
  const kept = [];
  let from = 0;
  for (let at = 0, end; at < answer.length; at = end) {
    end = at + 1 + answer.readUInt32BE(at + 1);
    const type = answer[at];
    if (type === D) found.value ??= answer.subarray(at + 11, end);
    else if (type === Z) found.status = String.fromCharCode(answer[at + 5]);
    else if (type === E) found.failed = true;
    else if (type === C) found.tags.add(answer.toString("latin1", at + 5, Math.min(end - 1, at + 10)));
    else if (type === N && answer.toString("latin1", at, end).includes("\0M# 1743: ")) {
      kept.push(answer.subarray(from, at));
      from = end;
    }
  }
  if (from) found.answer = Buffer.concat([...kept, answer.subarray(from)]);
  return found;
}

/**
 * The user, the database and the settings in a StartupMessage. Some settings come as command line options.
 * @param {Buffer} packet
 */
export function startUp(packet) {
  const words = packet.toString("latin1", 8, packet.length - 2).split("\0");
  /** @type {Record<string, string>} */
  const given = {};
  for (let at = 0; at < words.length; at += 2) given[words[at].toLowerCase()] = words[at + 1] ?? "";
  const { user, database = user, replication, options = "", ...settings } = given;
  for (const [, name, value] of options.matchAll(/(?:-c\s*|--)([\w.-]+)=((?:\\.|\S)*)/g))
    settings[name.replaceAll("-", "_").toLowerCase()] = value.replace(/\\(.)/g, "$1");
  return { user, database, settings };
}

/**
 * The position of the statement's name in a Parse, Bind, Describe or Close; 0 if the message names no statement.
 * @param {Buffer} packet
 */
export function statementAt(packet) {
  const type = typeOf(packet);
  if (type === "P") return 5;
  if (type === "B") return packet.indexOf(0, 5) + 1; // after the portal's name
  return "DC".includes(type) && packet[5] === 0x53 ? 6 : 0; // S: a statement, P: a portal
}

const QUOTED =
  /--.*|\/\*[\s\S]*?\*\/|\be'(?:\\[\s\S]|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"|\$(\w*)\$[\s\S]*?\$\1\$/gi;

/**
 * The COPY … FROM STDIN of a query.
 * @typedef {object} Copy
 * @property {boolean} alone whether the query consists of nothing else
 * @property {string} table
 * @property {number | null} columns the number of columns; null for all columns of the table
 * @property {boolean} binary
 * @property {(source: string) => string} from makes the same query with another source
 */

/**
 * @param {string} query
 * @returns {Copy | null}
 */
export function copyFromStdin(query) {
  if (!/stdin/i.test(query)) return null;
  /** @type {(filler: string) => (part: string) => string} */
  const blank = (filler) => (part) => filler.repeat(part.length);
  const sql = query.replace(QUOTED, (part) => (/^[-/]/.test(part) ? blank(" ")(part) : part)); // without comments
  const bare = sql.replace(QUOTED, blank("`"));
  let flat = bare;
  for (let before; before !== flat; ) {
    before = flat;
    flat = before.replace(/\([^()]*\)/g, blank("~"));
  }
  const copies = [...flat.matchAll(/(?<=(?:^|;)\s*copy\b)([^;]*?)\bfrom\s+stdin\b/gi)];
  if (!copies.length) return null;
  const [{ 0: found, 1: target, index }] = copies;
  const list = target.indexOf("~");
  const table = sql.slice(index, index + (list < 0 ? target.length : list));
  const rest = sql.slice(index + found.length);
  return {
    alone: /^\s*copy\b[^;]*;?\s*$/i.test(flat),
    table: table.replace(/^\s*binary\s+(?=\S)/i, "").trim(),
    columns: list < 0 ? null : bare.slice(index + list, index + target.length).split(",").length,
    binary: /\bbinary\b/i.test(rest) || /^\s*binary\s+\S/i.test(table),
    from: (source) =>
      copies.reduceRight((left, copy) => {
        const stdin = copy.index + copy[0].length - "stdin".length;
        return left.slice(0, stdin) + literal(source) + left.slice(stdin + "stdin".length);
      }, sql),
  };
}
