/**
 * The grpc-js client of a channel, and another one where it gets no connection: grpc-js has no time
 * limit for HTTP/2's handshake. A server that is gone once it has accepted a connection, its reset
 * lost on the way, is waited for without end, and everything that is called waits with it. Since when it
 * connects is not told either: counted is from the call that found no connection, and an attempt that
 * began later than that may be cut short. Whoever called tries again, on a client with all its time.
 */
import { type Client, connectivityState } from "@grpc/grpc-js";
import type { Clock, Timer } from "@sagong/base";

export interface ConnectingOptions {
  readonly clock: Clock;
  /** From a call that finds no connection until the client is given up. */
  readonly connectMs: number;
  /** The client is closed, and its calls are to be ended: grpc-js leaves them as they are. */
  readonly onGivenUp: () => void;
}

export class ConnectingClient {
  readonly #create: () => Client;
  readonly #options: ConnectingOptions;
  #client: Client;
  #timer: Timer | undefined;

  constructor(create: () => Client, options: ConnectingOptions) {
    this.#create = create;
    this.#options = options;
    this.#client = create();
  }

  /** To be asked anew for each call. */
  forCall(): Client {
    if (this.#timer === undefined && this.#state() !== connectivityState.READY) {
      const { clock, connectMs } = this.#options;
      this.#timer = clock.schedule(connectMs, () => this.#look());
    }
    return this.#client;
  }

  close(): void {
    this.#timer?.cancel();
    this.#client.close();
  }

  #look(): void {
    this.#timer = undefined;
    const state = this.#state();
    // After a failed attempt that is its state until there is a connection, also while it tries.
    if (state !== connectivityState.CONNECTING && state !== connectivityState.TRANSIENT_FAILURE) {
      return;
    }
    this.#client.close();
    this.#client = this.#create();
    this.#options.onGivenUp();
  }

  #state(): connectivityState {
    return this.#client.getChannel().getConnectivityState(false);
  }
}
