// Times by the clock of a zone, as fields of the kind datetime-local have them.

/**
 * What the clock of a zone shows: 2026-01-31T14:05.
 * @param {number} at milliseconds since 1970
 * @param {string} zone
 */
export function localAt(at, zone) {
  /** @type {Intl.DateTimeFormatOptions} */
  const fields = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
  const written = new Intl.DateTimeFormat("en-CA", { ...fields, hourCycle: "h23", timeZone: zone }).formatToParts(at);
  const part = new Map(written.map(({ type, value }) => [type, value]));
  return `${part.get("year")}-${part.get("month")}-${part.get("day")}T${part.get("hour")}:${part.get("minute")}`;
}

/**
 * The milliseconds since 1970 when the clock of a zone shows a time.
 * @param {string} local
 * @param {string} zone
 */
export function instantAt(local, zone) {
  const meant = Date.parse(`${local.slice(0, 16)}Z`);
  let at = meant;
  // the offset is that of the time that is looked for, which the first guess may miss by a change of the clock
  for (let tries = 0; tries < 2; tries++) at += meant - Date.parse(`${localAt(at, zone)}Z`);
  return at;
}
