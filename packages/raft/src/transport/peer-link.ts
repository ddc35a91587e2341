/**
 * One peer, outgoing direction: a queue of messages and one long-lived stream that carries them in
 * batches. While there is no stream the queue is dropped, not kept: old raft messages help nobody.
 */
import { type Clock, delay, errorText, type Logger } from "@sagong/base";
import { type Channel, createChannel } from "@sagong/rpc";
import type { Message } from "../core/message.js";
import type { NodeId } from "../core/types.js";
import { PeerService } from "../gen/raft.js";
import { messageToWire } from "./message-codec.js";

export interface PeerLinkOptions {
  readonly clusterId: bigint;
  readonly peer: NodeId;
  /** `http://host:port`. */
  readonly url: string;
}

export interface PeerLinkDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onUnreachable: () => void;
  readonly onReachable: () => void;
}

/** Messages that wait for the stream; beyond it the newest are dropped (etcd: 4,096). */
const MAX_QUEUED = 4_096;
const MAX_BATCH = 256;
const RETRY_FIRST_MS = 50;
/** A peer that has come back is needed for the next election: one try more costs little. */
const RETRY_MAX_MS = 250;

export class PeerLink {
  readonly channel: Channel;
  readonly #options: PeerLinkOptions;
  readonly #dependencies: PeerLinkDependencies;
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  #queue: Message[] = [];
  #connected = false;
  #wake: (() => void) | undefined;

  constructor(options: PeerLinkOptions, dependencies: PeerLinkDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.channel = createChannel({ endpoint: options.url });
    this.#done = this.#run();
  }

  get isConnected(): boolean {
    return this.#connected;
  }

  send(message: Message): void {
    if (!this.#connected || this.#queue.length >= MAX_QUEUED) {
      this.#dependencies.onUnreachable();
      return;
    }
    this.#queue.push(message);
    this.#wake?.();
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    this.#wake?.();
    await this.#done;
    await this.channel.close();
  }

  /** Never rejects: a broken stream is the normal case, answered by another. */
  async #run(): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const { signal } = this.#closing;
    let retryMs = RETRY_FIRST_MS;
    while (!signal.aborted) {
      try {
        await this.#stream();
        retryMs = RETRY_FIRST_MS;
      } catch (error) {
        if (this.#connected) {
          retryMs = RETRY_FIRST_MS;
          logger.warn("lost the stream to a peer", {
            peer: this.#options.peer.toString(16),
            error: errorText(error),
          });
        }
      }
      this.#connected = false;
      this.#queue = [];
      this.#dependencies.onUnreachable();
      await delay(clock, retryMs, signal).catch(() => {});
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    }
  }

  /** Resolves or rejects when the stream is over. */
  async #stream(): Promise<void> {
    const call = this.channel.duplex(PeerService.methods.exchange, {
      signal: this.#closing.signal,
    });
    const ended = this.#readAcks(call.responses);
    let over = false;
    const finished = ended.finally(() => {
      over = true;
      this.#wake?.();
    });
    finished.catch(() => {}); // Looked at below; it may reject while we wait elsewhere.
    try {
      await call.send({ clusterId: this.#options.clusterId, messages: [] });
      while (!over && !this.#closing.signal.aborted) {
        const batch = this.#queue.splice(0, MAX_BATCH);
        if (batch.length > 0) {
          const messages = batch.map(messageToWire);
          await call.send({ clusterId: this.#options.clusterId, messages });
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
      call.end();
      await finished;
    } finally {
      call.cancel();
    }
  }

  async #readAcks(responses: AsyncIterable<unknown>): Promise<void> {
    for await (const _ack of responses) {
      if (this.#connected) continue;
      this.#connected = true;
      this.#dependencies.logger.info("stream to a peer is up", {
        peer: this.#options.peer.toString(16),
      });
      this.#dependencies.onReachable();
    }
  }
}
