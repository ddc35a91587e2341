import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { type Lines, openServer, type ServerFixture, type Tree } from "./fixture.js";
import { CONFIG_MAPS, configMap } from "./objects.js";

let server: ServerFixture;
afterEach(() => server.close());

const TIMEOUT = {
  code: 504,
  reason: "Timeout",
  message: "Timeout: request did not complete within the allotted timeout",
};

describe("the request timeout", () => {
  it("answers 504 where a body does not come, and cuts off whoever goes on", async () => {
    server = await openServer({ requestTimeoutMs: 100 });
    const socket = connectTls({ host: "127.0.0.1", port: server.port, ...server.tls });
    await once(socket, "secureConnect");
    socket.write(`POST ${CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{`);
    let text = "";
    while (!text.endsWith("}")) text += String((await once(socket, "data"))[0]);
    expect(text).toMatch(/^HTTP\/1\.1 504 /);
    expect(JSON.parse(text.slice(text.indexOf("\r\n\r\n")))).toMatchObject(TIMEOUT);
    socket.destroy();

    const session = connectHttp2(`https://127.0.0.1:${server.port}`, server.tls);
    const stream = session.request({ ":method": "POST", ":path": CONFIG_MAPS });
    stream.write("{");
    const [head] = (await once(stream, "response")) as [Tree]; // node:http2's event.
    expect(head[":status"]).toBe(504);
    let body = "";
    for await (const chunk of stream) body += String(chunk);
    expect(JSON.parse(body)).toMatchObject(TIMEOUT);
    session.destroy();
    // Nothing was stored of either.
    const list = (await server.send({ path: CONFIG_MAPS })).json();
    expect(list["items"]).toEqual([]);
  });

  it("is shorter where the client says so, and a duration that is none is refused", async () => {
    server = await openServer();
    const socket = connectTls({ host: "127.0.0.1", port: server.port, ...server.tls });
    await once(socket, "secureConnect");
    const head = "HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n";
    socket.write(`POST ${CONFIG_MAPS}?timeout=50ms ${head}`);
    expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 504 /);
    socket.destroy();
    const wrong = await server.send({ path: `${CONFIG_MAPS}?timeout=soon` });
    expect(wrong.json()).toMatchObject({
      code: 400,
      message: 'invalid timeout specified in the request URL - time: invalid duration "soon"',
    });
    for (const duration of ["32s", "1m30s", "0"])
      expect((await server.send({ path: `${CONFIG_MAPS}?timeout=${duration}` })).status).toBe(200);
  });

  it("does not end watches", async () => {
    server = await openServer({ requestTimeoutMs: 50 });
    const watch = await server.open({ path: `${CONFIG_MAPS}?watch=true&timeoutSeconds=30` });
    const session = connectHttp2(`https://127.0.0.1:${server.port}`, server.tls);
    // A request that began later, and has run out of time.
    const late = session.request({ ":method": "POST", ":path": CONFIG_MAPS });
    late.write("{");
    const [head] = (await once(late, "response")) as [Tree]; // node:http2's event.
    expect(head[":status"]).toBe(504);
    session.destroy();
    await server.send({ method: "POST", path: CONFIG_MAPS, body: configMap("late") });
    expect(await watch.next()).toMatchObject({ type: "ADDED" });
    watch.stop();
  });
});

describe("the limits of requests in flight", () => {
  it("answers 429 with Retry-After beyond them, and counts those that leave", async () => {
    server = await openServer({ limits: { maxReads: 10, maxWrites: 1 }, requestTimeoutMs: 5_000 });
    const session = connectHttp2(`https://127.0.0.1:${server.port}`, server.tls);
    // A write that is under way: its body has not ended.
    const first = session.request({ ":method": "POST", ":path": CONFIG_MAPS });
    first.write("{");
    await inFlight(1);
    for (let i = 0; i < 3; i++) {
      const path = CONFIG_MAPS;
      const answer = await server.send({ method: "POST", path, body: configMap("second") });
      expect(answer.headers["retry-after"]).toBe("1");
      expect(answer.json()).toMatchObject({
        code: 429,
        reason: "TooManyRequests",
        message: "Too many requests, please try again later.",
        details: { retryAfterSeconds: 1 },
      });
    }
    expect((await server.send({ path: CONFIG_MAPS })).status).toBe(200); // Reads have their own.
    first.end("}");
    await once(first, "response");
    await inFlight(0);
    const again = await server.send({
      method: "POST",
      path: CONFIG_MAPS,
      body: configMap("third"),
    });
    expect(again.status).toBe(201);
    session.destroy();
  });

  it("Node warns of no leak where many are under way", async () => {
    const warnings: string[] = [];
    const note = (warning: Error): number => warnings.push(String(warning));
    process.on("warning", note);
    server = await openServer();
    const path = `${CONFIG_MAPS}?watch=true`;
    const watches = await Promise.all(
      Array.from({ length: 30 }, () => server.open({ path, http: 2 })),
    );
    await Promise.all(Array.from({ length: 30 }, () => server.send({ path: CONFIG_MAPS })));
    for (const watch of watches) watch.stop();
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });

  it("does not count watches as reads", async () => {
    server = await openServer({ limits: { maxReads: 1, maxWrites: 1 } });
    const watches: Lines[] = [];
    for (let i = 0; i < 3; i++)
      watches.push(await server.open({ path: `${CONFIG_MAPS}?watch=true`, http: 2 }));
    const metrics = (await server.send({ path: "/metrics" })).text;
    expect(metrics).toContain("apiserver_longrunning_requests 3\n");
    for (const watch of watches) watch.stop();
  });
});

/** Waits until so many writes are under way. */
async function inFlight(count: number): Promise<void> {
  const line = `apiserver_current_inflight_requests{request_kind="mutating"} ${count}\n`;
  for (;;) {
    const { text } = await server.send({ path: "/metrics" });
    if (text.includes(line)) return;
  }
}
