/**
 * The times of one connection, with one timer: the client is to finish the handshake of HTTP/2 and
 * every header section that it begins, to take what is sent to it, and to answer a PING when it has
 * been silent for long. One that does not is gone, or means harm.
 *
 *   set up ──SETTINGS acknowledged──▶ idle ──silent for long──▶ asked ──silent──▶ cut
 *     └── too late: SETTINGS_TIMEOUT   ▲                          │
 *                                      └────────── heard ─────────┘
 */
import type { Clock, Timer } from "@sagong/base";

export interface ConnectionTimes {
  /** From the first byte to the acknowledgement of our SETTINGS (RFC 9113 §6.5.3). */
  readonly setupMs: number;
  /** Silence after which a client is asked for a sign of life, and how soon it must give one. */
  readonly silenceMs: number;
  readonly answerMs: number;
  /** How long a header section may take from its first frame to its last. */
  readonly headMs: number;
  /** How long a client may take nothing of what waits for it. */
  readonly stallMs: number;
}

/** Silence and answer are gRPC's defaults for servers (GRPC_ARG_KEEPALIVE_TIME_MS and its kin). */
export const DEFAULT_TIMES: ConnectionTimes = {
  setupMs: 30_000,
  silenceMs: 7_200_000,
  answerMs: 20_000,
  headMs: 10_000,
  stallMs: 60_000,
};

export interface WatchedConnection {
  readonly isSetUp: boolean;
  ping(): void;
  /** Ends the connection in order, for the client has not set it up. */
  refuseSetup(): void;
  /** Ends the connection at once. */
  cut(): void;
}

export class ConnectionWatch {
  readonly #connection: WatchedConnection;
  readonly #clock: Clock;
  readonly #times: ConnectionTimes;
  #timer: Timer | undefined;
  #head: Timer | undefined;
  #stall: Timer | undefined;
  #hasHeard = false;
  #isStopped = false;

  constructor(
    connection: WatchedConnection,
    { clock, times = DEFAULT_TIMES }: { readonly clock: Clock; readonly times?: ConnectionTimes },
  ) {
    this.#connection = connection;
    this.#clock = clock;
    this.#times = times;
  }

  start(): void {
    this.#timer = this.#clock.schedule(this.#times.setupMs, () => {
      if (this.#connection.isSetUp) this.#awaitSilence();
      else this.#connection.refuseSetup();
    });
  }

  /** Something came. `isWithinHead`: a header section has begun and not ended. */
  heard(isWithinHead: boolean): void {
    this.#hasHeard = true;
    if (isWithinHead) {
      if (!this.#isStopped) this.#head ??= this.#after(this.#times.headMs);
    } else if (this.#head !== undefined) {
      this.#head.cancel();
      this.#head = undefined;
    }
  }

  /** The client does not take what waits for it. */
  stalled(): void {
    if (!this.#isStopped) this.#stall ??= this.#after(this.#times.stallMs);
  }

  /** The client has taken something. */
  moved(): void {
    this.#stall?.cancel();
    this.#stall = undefined;
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#head?.cancel();
    this.#stall?.cancel();
  }

  #awaitSilence(): void {
    this.#hasHeard = false;
    this.#timer = this.#clock.schedule(this.#times.silenceMs, () => {
      if (this.#hasHeard) return this.#awaitSilence();
      this.#connection.ping();
      this.#timer = this.#clock.schedule(this.#times.answerMs, () => {
        if (this.#hasHeard) this.#awaitSilence();
        else this.#connection.cut();
      });
    });
  }

  #after(delayMs: number): Timer {
    return this.#clock.schedule(delayMs, () => this.#connection.cut());
  }
}
