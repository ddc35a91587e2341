import { describe, expect, it, vi } from "vitest";
import { HealthCheckRequest } from "../gen/health.js";
import { RequestQueue } from "./request-queue.js";

const encoded = (service: string): Uint8Array =>
  HealthCheckRequest.encode(HealthCheckRequest.create({ service }));

function queue(onTaken: () => void = () => {}): RequestQueue<HealthCheckRequest> {
  return new RequestQueue(HealthCheckRequest, onTaken);
}

async function services(requests: AsyncIterable<HealthCheckRequest>): Promise<string[]> {
  const all: string[] = [];
  for await (const { service } of requests) all.push(service);
  return all;
}

describe("RequestQueue", () => {
  it("gives requests in order, those that waited and those that are waited for", async () => {
    const requests = queue();
    requests.push(encoded("a"));
    requests.push(encoded("b"));
    const all = services(requests);
    await new Promise((resolve) => setImmediate(resolve));
    requests.push(encoded("c"));
    requests.end();
    expect(await all).toEqual(["a", "b", "c"]);
  });

  it("keeps copies, counts them, and says when they are taken", async () => {
    const onTaken = vi.fn<() => void>();
    const requests = queue(onTaken);
    const chunk = Buffer.from(encoded("abc"));
    requests.push(chunk);
    chunk.fill(0);
    expect(requests.unreadBytes).toBeGreaterThan(5);
    expect(onTaken).not.toHaveBeenCalled();
    expect(await requests.next()).toMatchObject({ value: { service: "abc" } });
    expect(requests.unreadBytes).toBe(0);
    expect(onTaken).toHaveBeenCalledTimes(1);
  });

  it("fail() drops what waits, and rejects whoever reads, now and later", async () => {
    const requests = queue();
    const reading = requests.next();
    requests.fail(new Error("cancelled"));
    await expect(reading).rejects.toThrow("cancelled");
    await expect(requests.next()).rejects.toThrow("cancelled");
    const other = queue();
    other.push(encoded("a"));
    other.fail(new Error("cancelled"));
    expect(other.unreadBytes).toBe(0);
    await expect(other.next()).rejects.toThrow("cancelled");
  });

  it("rejects with what a request cannot be decoded for, and then is over", async () => {
    const requests = queue();
    requests.push(Uint8Array.of(0x0a, 0x7f));
    requests.push(encoded("a"));
    await expect(requests.next()).rejects.toThrow("Cannot decode grpc.health.v1");
    expect(await requests.next()).toEqual({ done: true, value: undefined });
  });

  it("a handler that has left gets nothing more, and holds what comes as unread", async () => {
    const requests = queue();
    requests.push(encoded("a"));
    for await (const _ of requests) break;
    requests.push(encoded("b"));
    expect(requests.unreadBytes).toBeGreaterThan(3);
    expect(await requests.next()).toEqual({ done: true, value: undefined });
  });
});
