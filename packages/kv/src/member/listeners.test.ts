import { describe, expect, it } from "vitest";
import { listen } from "./listeners.js";

const url = (port: number) => ({ text: `http://127.0.0.1:${port}`, host: "127.0.0.1", port });

describe("listen()", () => {
  it("gives the URLs with the ports that the system chose", async () => {
    const listener = await listen({
      urls: [url(0), url(0)],
      flag: "listen-client-urls",
      services: [],
      maxRequestBytes: 1_000,
    });
    expect(listener.urls).toHaveLength(2);
    for (const text of listener.urls) expect(text).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d+$/);
    await listener.close(0);
  });

  it("names the flag and closes what it has opened when a port is in use", async () => {
    const options = { flag: "listen-peer-urls", services: [], maxRequestBytes: 1_000 };
    const first = await listen({ ...options, urls: [url(0)] });
    const port = Number(new URL(first.urls[0] ?? "").port);
    await expect(listen({ ...options, urls: [url(0), url(port)] })).rejects.toThrow(
      `Cannot listen on http://127.0.0.1:${port} (--listen-peer-urls): the port is in use`,
    );
    await first.close(0);
  });
});
