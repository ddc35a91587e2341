/**
 * Runs the parts of a local cluster as child processes: starts them, writes down what they say,
 * starts one again that died (at once, then slower: 0.5 s doubled up to 10 s), and stops them in
 * order. A part never outlives the supervisor: it holds the other end of the part's standard input,
 * and a part stops when that ends, however the supervisor went.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, errorText, type Timer } from "@sagong/base";
import { LogFile } from "./log-file.js";

export interface Part {
  readonly name: string;
  /** Words after `sagong`. */
  readonly args: readonly string[];
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface SupervisorDependencies {
  readonly clock: Clock;
  /** The program that every part runs: node and the path of the sagong binary. */
  readonly program: readonly [string, ...string[]];
  /** One sentence about a part, for a person. */
  readonly report: (message: string) => void;
}

/** A part that ran so long has proved itself: its next death is answered at once again. */
const STABLE_MS = 30_000;
const RESTART_FIRST_MS = 500;
const RESTART_MAX_MS = 10_000;
/** Then a part that does not stop is killed. A store member hands leadership over in less. */
const STOP_LIMIT_MS = 15_000;
/** How much of a part's last words is shown when it dies. */
const LAST_WORDS_BYTES = 2_048;

interface Running {
  readonly part: Part;
  readonly log: LogFile;
  child: ChildProcess | undefined;
  startedAtMs: number;
  restartMs: number;
  restart: Timer | undefined;
  lastWords: string;
  exited: Promise<void>;
}

export class Supervisor {
  readonly #dependencies: SupervisorDependencies;
  readonly #parts = new Map<string, Running>();
  #stopping = false;

  constructor(dependencies: SupervisorDependencies) {
    this.#dependencies = dependencies;
  }

  start(part: Part): void {
    mkdirSync(dirname(part.logFile), { recursive: true });
    const log = new LogFile(part.logFile, { say: this.#dependencies.report });
    const running: Running = {
      part,
      log,
      child: undefined,
      startedAtMs: 0,
      restartMs: 0,
      restart: undefined,
      lastWords: "",
      exited: Promise.resolve(),
    };
    this.#parts.set(part.name, running);
    this.#spawn(running);
  }

  /** The process ids of the parts that run now, by name. */
  pids(): ReadonlyMap<string, number> {
    const pids = new Map<string, number>();
    for (const [name, { child }] of this.#parts) {
      if (child?.pid !== undefined && child.exitCode === null) pids.set(name, child.pid);
    }
    return pids;
  }

  /** The end of what a part has written to standard error. */
  lastWords(name: string): string {
    return this.#parts.get(name)?.lastWords ?? "";
  }

  /** Stops the groups one after the other, the parts of one group together. */
  async stop(groups: readonly (readonly string[])[]): Promise<void> {
    this.#stopping = true;
    for (const running of this.#parts.values()) running.restart?.cancel();
    for (const group of groups) {
      await Promise.all(group.map((name) => this.#stopPart(name)));
    }
    await Promise.all([...this.#parts.values()].map(({ log }) => log.close()));
  }

  async #stopPart(name: string): Promise<void> {
    const running = this.#parts.get(name);
    const child = running?.child;
    if (!running || !child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const timer = this.#dependencies.clock.schedule(STOP_LIMIT_MS, () => {
      this.#dependencies.report(`${name} does not stop: killing it`);
      child.kill("SIGKILL");
    });
    await running.exited;
    timer.cancel();
  }

  #spawn(running: Running): void {
    const { part } = running;
    const [program, ...words] = this.#dependencies.program;
    const child = spawn(program, [...words, ...part.args], {
      stdio: ["pipe", "pipe", "pipe"],
      // In a group of its own: a terminal's Ctrl-C is ours, and we stop the parts in order.
      detached: true,
      env: { ...process.env, ...part.env, SAGONG_SUPERVISED: "1" },
    });
    child.stdin.on("error", () => {}); // Nothing is written: its end alone speaks, when we are gone.
    running.child = child;
    running.startedAtMs = this.#dependencies.clock.monotonicMs();
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        running.log.write(chunk);
        running.lastWords = (running.lastWords + chunk.toString("utf8")).slice(-LAST_WORDS_BYTES);
      });
    }
    running.exited = new Promise((resolve) => {
      child.once("error", (error) => {
        this.#dependencies.report(`${part.name} cannot be started: ${errorText(error)}`);
        resolve();
      });
      child.once("exit", (code, signal) => {
        resolve();
        this.#exited(running, signal === null ? `exit code ${code}` : signal);
      });
    });
  }

  #exited(running: Running, how: string): void {
    if (this.#stopping) return;
    const { clock, report } = this.#dependencies;
    const ranMs = clock.monotonicMs() - running.startedAtMs;
    running.restartMs =
      ranMs >= STABLE_MS || running.restartMs === 0
        ? RESTART_FIRST_MS
        : Math.min(running.restartMs * 2, RESTART_MAX_MS);
    const last = running.lastWords.trimEnd().split("\n").at(-1) ?? "";
    report(
      `${running.part.name} ended (${how}); starting it again in ${running.restartMs / 1000} s` +
        (last === "" ? "" : `\n  its last words: ${last}`),
    );
    running.restart = clock.schedule(running.restartMs, () => {
      report(`${running.part.name} started again`);
      this.#spawn(running);
    });
  }
}
