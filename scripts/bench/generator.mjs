// @ts-check
/**
 * Our own load generator, as a process of its own: the benchmark's other work (h2load's output,
 * clients, reports) takes nothing from it.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/**
 * A share of one core, 1 at most: near it, the client is what is measured.
 * @typedef {{ clientCpu: number }} ClientCpu
 */

const PROGRAM = fileURLToPath(new URL("load/main.mjs", import.meta.url));
const DEFAULT_LIMIT_MS = 300_000;

export class Generator {
  #child;
  #jobs = 0;

  constructor() {
    this.#child = fork(PROGRAM, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  }

  /**
   * Rejects where the job fails, the process ends, or the time is over.
   * @template {keyof import("./load/main.mjs").Jobs} Type
   * @param {import("./load/main.mjs").Jobs[Type]["job"] & { type: Type }} job
   * @param {number} [limitMs]
   * @returns {Promise<import("./load/main.mjs").Jobs[Type]["result"] & ClientCpu>}
   */
  run(job, limitMs = DEFAULT_LIMIT_MS) {
    const id = this.#jobs++;
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        finish();
        // It cannot be told to give up: the next job takes a new one.
        child.kill("SIGKILL");
        reject(new Error(`the load took more than ${limitMs / 1_000} s`));
      }, limitMs);
      /** @param {any} message what main.mjs sends */
      const onMessage = (message) => {
        if (message.id !== id) return;
        finish();
        if ("error" in message) reject(new Error(message.error));
        else resolve(message.result);
      };
      const onExit = () => {
        finish();
        reject(new Error("the load generator ended"));
      };
      const finish = () => {
        clearTimeout(timer);
        child.off("message", onMessage).off("exit", onExit);
      };
      child.on("message", onMessage).on("exit", onExit);
      if (child.connected) child.send({ id, job });
      else onExit();
    });
  }

  get hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async stop() {
    if (this.hasEnded) return;
    const exited = once(this.#child, "exit");
    if (this.#child.connected) this.#child.disconnect();
    else this.#child.kill("SIGKILL");
    await exited;
  }
}
