/**
 * Carries a container's two named pipes into its log file. The pipes belong to the wrapper, which
 * holds them open; so an agent that comes back reads on where the last one stopped.
 */
import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import type { Clock, Timer } from "@sagong/base";
import { CriLogWriter, type LogStreamName } from "./cri-log-writer.js";

export interface OutputPumpOptions {
  readonly folder: string;
  readonly logPath: string;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** How long after the process's end the pipes may stay open (a process that left its group). */
const DRAIN_LIMIT_MS = 2_000;

export class OutputPump {
  readonly #writer: CriLogWriter;
  readonly #sockets: Socket[] = [];
  readonly #closed: Promise<void>[] = [];
  readonly #clock: Clock;
  #holds: number[] = [];

  /** Opens both pipes; they must exist. Their data waits in them until the wrapper starts. */
  constructor(options: OutputPumpOptions) {
    this.#clock = options.clock;
    this.#writer = new CriLogWriter({
      path: options.logPath,
      clock: options.clock,
      onError: options.onError,
    });
    for (const stream of ["stdout", "stderr"] as const) this.#read(stream, options);
  }

  /**
   * Called when the wrapper has the pipes open. Until then our own write end keeps them from
   * reading as ended; from then on their end means that the container has ended.
   */
  release(): void {
    for (const fd of this.#holds) closeSync(fd);
    this.#holds = [];
  }

  /** Resolves when all output is in the log file; cuts pipes that stay open for too long. */
  async finish(): Promise<void> {
    this.release();
    let timer: Timer | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = this.#clock.schedule(DRAIN_LIMIT_MS, resolve);
    });
    await Promise.race([Promise.all(this.#closed), limit]);
    timer?.cancel();
    await this.detach();
  }

  /** Stops reading and closes the log; the container goes on and blocks when its pipe is full. */
  async detach(): Promise<void> {
    this.release();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#closed);
    await this.#writer.close();
  }

  #read(stream: LogStreamName, options: OutputPumpOptions): void {
    const path = `${options.folder}/${stream}`;
    this.#holds.push(openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const socket = new Socket({ fd, readable: true, writable: false });
    this.#closed.push(new Promise((resolve) => void socket.once("close", () => resolve())));
    socket.on("data", (chunk: Buffer) => {
      if (this.#writer.write(stream, chunk)) return;
      socket.pause();
      this.#writer.onDrain(() => socket.resume());
    });
    socket.on("error", options.onError);
    this.#sockets.push(socket);
  }
}
