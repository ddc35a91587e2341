/** What all daemons share: their log, the wait for the signal to stop, and the orderly stop. */
import {
  type Clock,
  errorText,
  type Logger,
  type LogLevel,
  type Random,
  seededRandom,
} from "@sagong/base";
import { randomSeed, realClock, streamLogger } from "@sagong/base/real";
import { EXIT_FAILURE, EXIT_OK, type Io } from "../terminal.js";

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface RunningDaemon {
  close(): Promise<void>;
}

export interface Daemon {
  /** As in `sagong <name>`. */
  readonly name: string;
  readonly logLevel: LogLevel;
  readonly start: (surroundings: Surroundings) => Promise<RunningDaemon>;
}

export function surroundingsOf(logLevel: LogLevel, io: Io): Surroundings {
  const clock = realClock();
  return {
    clock,
    random: seededRandom(randomSeed()),
    logger: streamLogger({ level: logLevel, clock, write: io.err }),
  };
}

/** Runs until `io.signal`. Exit code 1, with a sentence, where it cannot start or stop. */
export async function runDaemon(daemon: Daemon, io: Io): Promise<number> {
  try {
    const running = await daemon.start(surroundingsOf(daemon.logLevel, io));
    await aborted(io.signal);
    await running.close();
    return EXIT_OK;
  } catch (error) {
    io.err(`sagong ${daemon.name}: ${errorText(error)}\n`);
    return EXIT_FAILURE;
  }
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
