/**
 * Messages to one peer that its stream has not taken yet, bounded by count and by bytes. What keeps
 * a group together (heartbeats, votes, reads) goes before what is long (appends, proposals): a
 * leader's heartbeat does not wait behind megabytes. Within each of the two, order is kept; between
 * them raft needs none.
 */
import type { Message } from "../core/message.js";

/** Etcd's buffer for one stream. */
const MESSAGES_MAX = 4_096;
/** Above the window for appends (`maxInflightBytes`), so that it is not what drops them. */
const BYTES_MAX = 16_777_216;

export class OutgoingQueue {
  #urgent: Message[] = [];
  #bulk: Message[] = [];
  #bulkBytes = 0;

  get isEmpty(): boolean {
    return this.#urgent.length === 0 && this.#bulk.length === 0;
  }

  /** False where there is no room: the message is dropped. A lone large one always finds room. */
  push(message: Message): boolean {
    const bytes = weightOf(message);
    if (this.#urgent.length + this.#bulk.length >= MESSAGES_MAX) return false;
    if (this.#bulkBytes > 0 && this.#bulkBytes + bytes > BYTES_MAX) return false;
    if (isUrgent(message)) this.#urgent.push(message);
    else this.#bulk.push(message);
    this.#bulkBytes += bytes;
    return true;
  }

  /** The next ones: at most `bytesMax`, but at least one. Urgent ones all, and first. */
  take(bytesMax: number): Message[] {
    const messages = this.#urgent;
    this.#urgent = [];
    let bytes = 0;
    let count = 0;
    for (const message of this.#bulk) {
      const weight = weightOf(message);
      if (bytes + weight > bytesMax && messages.length > 0) break;
      bytes += weight;
      count++;
      messages.push(message);
    }
    this.#bulk = count === this.#bulk.length ? [] : this.#bulk.slice(count);
    this.#bulkBytes -= bytes;
    return messages;
  }

  /** The urgent ones alone. */
  takeUrgent(): Message[] {
    const messages = this.#urgent;
    this.#urgent = [];
    return messages;
  }

  clear(): void {
    this.#urgent = [];
    this.#bulk = [];
    this.#bulkBytes = 0;
  }
}

function isUrgent({ kind }: Message): boolean {
  switch (kind) {
    case "append":
    case "append-response":
    // A notice holds for a log that has what was appended before it.
    case "commit":
    case "propose":
    case "snapshot":
      return false;
    default:
      return true;
  }
}

/** Bytes of data: what else a message has is bounded by the count of messages. */
function weightOf(message: Message): number {
  let bytes = 0;
  if (message.kind === "append") for (const { data } of message.entries) bytes += data.length;
  else if (message.kind === "propose") for (const data of message.data) bytes += data.length;
  return bytes;
}
