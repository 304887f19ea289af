// The owner, at the other end of stdin. A thread of its own listens to it, since the engine's may be in a long query.
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { parentPort, Worker, workerData } from "node:worker_threads";

const GRACE = 10_000; // ms

/**
 * The owner's order, its first line; `gone` is called when the owner is, and the process killed if that's no help.
 * @param {() => void} gone
 * @returns {Promise<{ packages: string, folder: string, password: string, port: number, patience: number }>}
 */
export function watch(gone) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { watch: true } });
  return new Promise((resolve) => {
    worker.on("message", (line) => (line === null ? gone() : resolve(JSON.parse(line))));
  });
}

if (parentPort && workerData?.watch) {
  const main = parentPort;
  createInterface({ input: new Socket({ fd: 0 }) }) // not a file, a read of which would keep the process from ending
    .once("line", (line) => main.postMessage(line))
    .once("close", () => {
      main.postMessage(null);
      setTimeout(() => process.kill(process.pid, "SIGKILL"), GRACE);
    });
}
