// The events of a view. They come over a WebSocket, since a browser opens at most six other connections to a host, and
// a seventh page would hang. Where a WebSocket can't be opened, they come as the answer to an HTTP request. A page that
// is hidden has no connection.

import { root } from "./elements.js";
import { language, say } from "./words.js";

const WATCHDOG = 25_000; // milliseconds without an event or a heartbeat after which the page connects again
const LOOK = 1_000; // milliseconds between two looks at the clock
const OPENING = 5_000; // milliseconds within which the first event must come over a WebSocket
const LONG = 6_000; // characters from which on an address is too long for a WebSocket: many servers allow 8 KiB
const RETRY = 1_500; // milliseconds until the next attempt, up to twice as many so that pages don't all connect at once

/**
 * @typedef {"connecting" | "lost" | "offline"} State
 * @typedef {object} Problem
 * @property {number} [status]
 * @property {string} [detail]
 * @property {{ field: string, detail: string }[]} [errors]
 * @typedef {object} Listener
 * @property {(name: string, data: any) => void} event An event came; its name says what is in the data.
 * @property {(name: State) => void} state The state of the connection has changed.
 * @property {(problem: Problem) => void} refused The server refuses to show the view.
 */

/**
 * Tells the listener of the events of the view that is opened, and of the state of the connection.
 * @param {Listener} on
 */
export function follow(on) {
  /** @type {URLSearchParams | null} */
  let query = null;
  /** @type {AbortController | null} aborts the attempt to connect, or the connection */
  let attempt = null;
  let heard = 0;
  /** @type {number | undefined} */
  let retry;

  function stop() {
    attempt?.abort();
    attempt = null;
    clearTimeout(retry);
  }

  /** @param {State | ""} state */
  function start(state) {
    stop();
    if (query === null || document.hidden) return;
    if (!navigator.onLine) return on.state("offline");
    if (state) on.state(state);
    attempt = new AbortController();
    run(attempt.signal);
  }

  /** @param {AbortSignal} signal */
  async function run(signal) {
    /** @type {Problem | null} */
    let refusal = null;
    /** @param {string} text */
    const take = (text) => {
      if (signal.aborted) return;
      // after a sleep, what was sent before it comes first
      if (isSilent()) return start("lost");
      heard = Date.now();
      const [, name, data] = /^event: (.*)\ndata: (.*)/m.exec(text) ?? [];
      if (name === "refused") refusal = JSON.parse(data);
      else if (name) on.event(name, JSON.parse(data));
    };
    heard = Date.now();
    try {
      const address = `${root}/live?${query}`;
      const came = address.length < LONG && (await bySocket(address, signal, take));
      if (!came && !signal.aborted) refusal = await byAnswer(address, signal, take);
    } catch {
      // the network failed; the browser gives no reason
    }
    if (signal.aborted) return;
    attempt = null;
    if (refusal) on.refused(refusal);
    else on.state(navigator.onLine ? "lost" : "offline");
    // an error of the server may pass, an error in the request stays
    const passes = !refusal || (refusal.status ?? 0) >= 500 || refusal.status === 429;
    if (passes) retry = setTimeout(() => start(refusal ? "" : "lost"), RETRY * (1 + Math.random()));
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return start("connecting");
    stop();
    on.state("connecting");
  });
  addEventListener("offline", () => {
    stop();
    on.state("offline");
  });
  addEventListener("online", () => start("lost"));
  // a machine that slept, and a page that was frozen, wake up with what they showed long ago
  const isSilent = () => Date.now() - heard > WATCHDOG;
  const watch = () => {
    if (attempt && isSilent()) start("lost");
  };
  setInterval(watch, LOOK);
  document.addEventListener("resume", watch);
  for (const name of ["pageshow", "focus"]) addEventListener(name, watch);

  return {
    /**
     * Change to another view.
     * @param {URLSearchParams} asked
     * @param {State | ""} state
     */
    open(asked, state) {
      query = new URLSearchParams(asked);
      query.set("lang", language); // whatever the browser would say: the page is in this language
      start(state);
    },
  };
}

/**
 * Resolves when the WebSocket is closed, to whether anything came over it.
 * @param {string} address
 * @param {AbortSignal} signal
 * @param {(text: string) => void} take
 * @returns {Promise<boolean>}
 */
function bySocket(address, signal, take) {
  return new Promise((done) => {
    const url = new URL(address, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    let came = false;
    const impatient = setTimeout(() => came || socket.close(), OPENING);
    // browsers log an error where a WebSocket is closed before it is open
    signal.addEventListener("abort", () => {
      if (socket.readyState === WebSocket.CONNECTING) socket.addEventListener("open", () => socket.close());
      else socket.close();
    });
    socket.addEventListener("message", ({ data }) => {
      came = true;
      take(data);
    });
    socket.addEventListener("close", () => {
      clearTimeout(impatient);
      done(came);
    });
  });
}

/**
 * Resolves when the answer ends: to the problem, if it is one, else to null.
 * @param {string} address
 * @param {AbortSignal} signal
 * @param {(text: string) => void} take
 * @returns {Promise<Problem | null>}
 */
async function byAnswer(address, signal, take) {
  const answer = await fetch(address, { signal, cache: "no-store", headers: { Accept: "text/event-stream" } });
  if (!answer.ok) {
    const said = say("answers", { status: answer.status });
    return answer.json().catch(() => ({ status: answer.status, detail: said }));
  }
  if (!answer.body) return null;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return null;
    const texts = (rest + value).split("\n\n");
    rest = texts.pop() ?? "";
    texts.forEach(take);
  }
}
