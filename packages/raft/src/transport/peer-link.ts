/**
 * One peer, outgoing direction: a queue of messages and one long-lived stream that takes them in
 * batches, all of a turn in one. While there is no stream messages are dropped, not kept: old raft
 * messages help nobody.
 *
 * Messages go to the stream in the call that sends them, as long as the stream has taken what went
 * before; what it has not taken is bounded (`UNTAKEN_BYTES_MAX`), and so is the queue behind it.
 * Sending never waits.
 */
import { type Clock, delay, errorText, type Logger } from "@sagong/base";
import type { Channel, DuplexCall } from "@sagong/rpc";
import type { Message } from "../core/message.js";
import type { NodeId } from "../core/types.js";
import { type ExchangeAck, type MessageBatch, PeerService } from "../gen/raft.js";
import { ENTRY_FORMAT } from "../storage/entry-format.js";
import { encodeMessages } from "./message-codec.js";
import { OutgoingQueue } from "./outgoing-queue.js";

export interface PeerLinkOptions {
  readonly clusterId: bigint;
  readonly peer: NodeId;
  /** Closed by the link. */
  readonly channel: Channel;
}

export interface PeerLinkDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onUnreachable: () => void;
  readonly onReachable: () => void;
}

/** One batch on the wire; an append may be as large (`maxAppendBytes`). */
const BATCH_BYTES_MAX = 1_048_576;
/** Handed to the stream and not taken by its flow control: then only what is urgent is handed over. */
const UNTAKEN_BYTES_MAX = 1_048_576;
/** Urgent messages are small, but without end where the peer has stopped to read. */
const UNTAKEN_URGENT_BYTES_MAX = 2 * UNTAKEN_BYTES_MAX;
const RETRY_FIRST_MS = 50;
/** A peer that has come back is needed for the next election: one try more costs little. */
const RETRY_MAX_MS = 250;
/** So many attempts in vain, some two seconds of them, are worth a line; then 16, 32, 64, … */
const FAILURES_TOLD_MIN = 8;

export class PeerLink {
  readonly channel: Channel;
  readonly #options: PeerLinkOptions;
  readonly #dependencies: PeerLinkDependencies;
  readonly #closing = new AbortController();
  readonly #done: Promise<void>;
  readonly #queue = new OutgoingQueue();
  /** Set while the peer takes messages. */
  #call: DuplexCall<MessageBatch, ExchangeAck> | undefined;
  #untakenBytes = 0;

  constructor(options: PeerLinkOptions, dependencies: PeerLinkDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.channel = options.channel;
    this.#done = this.#run();
  }

  get isConnected(): boolean {
    return this.#call !== undefined;
  }

  /** To be followed by `flush`, once for all messages of a turn. */
  send(message: Message): void {
    if (this.#call && this.#queue.push(message)) return;
    this.#dependencies.onUnreachable();
  }

  flush(): void {
    const call = this.#call;
    if (!call) return;
    while (!this.#queue.isEmpty) {
      const isFull = this.#untakenBytes >= UNTAKEN_BYTES_MAX;
      if (this.#untakenBytes >= UNTAKEN_URGENT_BYTES_MAX) return;
      const messages = isFull ? this.#queue.takeUrgent() : this.#queue.take(BATCH_BYTES_MAX);
      if (messages.length === 0) return;
      this.#handOver(call, messages);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    this.#call?.cancel();
    await this.#done;
    await this.channel.close();
  }

  #handOver(call: DuplexCall<MessageBatch, ExchangeAck>, messages: readonly Message[]): void {
    const batch = encodeMessages(messages);
    this.#untakenBytes += batch.byteLength;
    call.send(batch).then(
      () => {
        if (call !== this.#call) return;
        this.#untakenBytes -= batch.byteLength;
        this.flush();
      },
      () => call.cancel(), // The stream has ended, as its reader is told too, with the reason.
    );
  }

  /** Never rejects: a broken stream is the normal case, answered by another. */
  async #run(): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const { signal } = this.#closing;
    const peer = this.#options.peer.toString(16);
    let retryMs = RETRY_FIRST_MS;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#stream();
        retryMs = RETRY_FIRST_MS;
        failures = 0;
      } catch (error) {
        if (this.#call) {
          retryMs = RETRY_FIRST_MS;
          failures = 0;
          logger.warn("lost the stream to a peer", { peer, error: errorText(error) });
        } else if (isTold(++failures)) {
          logger.warn("cannot reach a peer", { peer, attempts: failures, error: errorText(error) });
        }
      }
      this.#call = undefined;
      this.#queue.clear();
      this.#untakenBytes = 0;
      this.#dependencies.onUnreachable();
      await delay(clock, retryMs, signal).catch(() => {});
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    }
  }

  /** Resolves or rejects when the stream is over. */
  async #stream(): Promise<void> {
    const { clusterId, peer } = this.#options;
    const call = this.channel.duplex(PeerService.methods.exchange, {
      signal: this.#closing.signal,
    });
    try {
      const hello = call.send({ clusterId, format: ENTRY_FORMAT, messages: [] });
      hello.catch(() => {}); // The responses end then too, with the reason.
      for await (const _ack of call.responses) {
        if (this.#call) continue;
        this.#call = call;
        this.#dependencies.logger.info("stream to a peer is up", { peer: peer.toString(16) });
        this.#dependencies.onReachable();
      }
    } finally {
      call.cancel();
    }
  }
}

function isTold(failures: number): boolean {
  return failures >= FAILURES_TOLD_MIN && (failures & (failures - 1)) === 0;
}
