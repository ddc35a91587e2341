import { describe, expect, it } from "vitest";
import type { Message } from "../core/message.js";
import { OutgoingQueue } from "./outgoing-queue.js";

const envelope = { from: 1n, to: 2n, term: 1 };
const append = (bytes: number, prevIndex = 0): Message => ({
  ...envelope,
  kind: "append",
  prevIndex,
  prevTerm: 1,
  commit: 0,
  entries: [{ index: prevIndex + 1, term: 1, kind: "normal", data: new Uint8Array(bytes) }],
});
const heartbeat: Message = { ...envelope, kind: "heartbeat", commit: 0, round: 0 };
const kinds = (messages: readonly Message[]): string[] => messages.map(({ kind }) => kind);

describe("OutgoingQueue", () => {
  it("gives heartbeats before appends that were there first, and appends in order", () => {
    const queue = new OutgoingQueue();
    for (let i = 0; i < 3; i++) queue.push(append(10, i));
    queue.push(heartbeat);
    const messages = queue.take(1_000);
    expect(kinds(messages)).toEqual(["heartbeat", "append", "append", "append"]);
    const places = messages.map((message) => (message.kind === "append" ? message.prevIndex : -1));
    expect(places).toEqual([-1, 0, 1, 2]);
    expect(queue.isEmpty).toBe(true);
  });

  it("takes so many bytes at a time, but at least one message", () => {
    const queue = new OutgoingQueue();
    for (let i = 0; i < 3; i++) queue.push(append(100, i));
    expect(queue.take(250)).toHaveLength(2);
    expect(queue.take(50)).toHaveLength(1);
    expect(queue.take(50)).toHaveLength(0);
  });

  it("drops what is beyond its bytes or its count, and has room again once some are taken", () => {
    const queue = new OutgoingQueue();
    let count = 0;
    while (queue.push(append(1_000_000, count))) count++;
    expect(count).toBe(16);
    expect(queue.push(heartbeat)).toBe(true);
    expect(kinds(queue.takeUrgent())).toEqual(["heartbeat"]);
    queue.take(1_000_000);
    expect(queue.push(append(1_000_000))).toBe(true);
    const many = new OutgoingQueue();
    for (let i = 0; i < 4_096; i++) expect(many.push(heartbeat)).toBe(true);
    expect(many.push(heartbeat)).toBe(false);
  });

  it("finds room for a lone message, however large", () => {
    const queue = new OutgoingQueue();
    expect(queue.push(append(100_000_000))).toBe(true);
    expect(queue.push(append(1))).toBe(false);
  });
});
