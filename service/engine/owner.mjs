// Watches stdin, whose other end belongs to the owner. A thread of its own does that, since the main thread may be busy
// with a long query.
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { parentPort, Worker, workerData } from "node:worker_threads";

const GRACE = 10_000; // ms

/**
 * Resolves to the owner's first line. Calls `gone` when the owner has ended, and kills the process if it doesn't end
 * then.
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
  createInterface({ input: new Socket({ fd: 0 }) }) // a pending read of a file would keep the process alive
    .once("line", (line) => main.postMessage(line))
    .once("close", () => {
      main.postMessage(null);
      setTimeout(() => process.kill(process.pid, "SIGKILL"), GRACE);
    });
}
