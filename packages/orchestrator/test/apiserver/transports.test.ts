import { createServer, type Server } from "node:https";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { TRANSPORTS } from "@sagong/rpc";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openServer, type ServerFixture, textAt, type Tree } from "./fixture.js";
import { CONFIG_MAPS, configMap } from "./objects.js";

const VARIANTS = TRANSPORTS.flatMap((transport) => [
  { transport, http: 1 as const },
  { transport, http: 2 as const },
]);

let server: ServerFixture;
let agent: Server | undefined;
afterEach(async () => {
  agent?.close();
  agent = undefined;
  await server.close();
});

describe.each(VARIANTS)("the API server over $transport, HTTP/$http", ({ transport, http }) => {
  it("takes a body of nearly 3 MiB, and gives it back", async () => {
    server = await openServer({ transport });
    const data = { large: "x".repeat(900_000) };
    const body = { ...configMap("large"), data, annotations: "y".repeat(2_100_000) };
    const path = `${CONFIG_MAPS}?fieldValidation=Ignore`;
    const created = await server.send({ method: "POST", path, body, http });
    expect(created.status).toBe(201);
    const got = (await server.send({ path: `${CONFIG_MAPS}/large`, http })).json();
    expect(textAt(got, "data.large")).toBe(data.large);
  });

  it("refuses a larger one", async () => {
    server = await openServer({ transport });
    const body = `{"x":"${"y".repeat(3_200_000)}"}`;
    const headers = { "content-type": "application/json" };
    const answer = await server.send({ method: "POST", path: CONFIG_MAPS, body, headers, http });
    expect(answer.status).toBe(413);
  });

  it("goes on when a watch was left", async () => {
    server = await openServer({ transport });
    const watch = await server.open({ path: `${CONFIG_MAPS}?watch=true`, http });
    await server.send({ method: "POST", path: CONFIG_MAPS, body: configMap("a"), http });
    expect(await watch.next()).toMatchObject({ type: "ADDED" });
    watch.stop();
    expect((await server.send({ path: "/livez", http })).text).toBe("ok");
  });
});

describe.each(TRANSPORTS)("the API server over %s", (transport) => {
  it("passes on a log that is followed, line by line, and leaves when its reader does", async () => {
    server = await openServer({ transport });
    const left = vi.fn<() => void>();
    let say: (line: string) => void = () => {};
    agent = createServer({ ...server.nodeTls }, (_request, response) => {
      response.writeHead(200);
      response.flushHeaders();
      say = (line) => void response.write(line);
      response.once("close", left);
    }).listen(0, "127.0.0.1");
    await once(agent, "listening");
    const { port } = agent.address() as AddressInfo; // A listening TCP server's.
    await runPod(port);
    const session = connectHttp2(`https://127.0.0.1:${server.port}`, server.tls);
    const path = "/api/v1/namespaces/default/pods/talk/log?follow=true";
    const stream = session.request({ ":path": path });
    const [head] = (await once(stream, "response")) as [Tree]; // node:http2's event.
    expect(head[":status"]).toBe(200);
    for (const line of ["one\n", "two\n"]) {
      say(line);
      expect(String((await once(stream, "data"))[0])).toBe(line);
    }
    expect(left).not.toHaveBeenCalled();
    stream.close();
    await vi.waitFor(() => expect(left).toHaveBeenCalledTimes(1));
    session.destroy();
  });
});

/** A pod on a node whose agent listens on `port`. */
async function runPod(port: number): Promise<void> {
  const metadata = (name: string): Tree => ({ name });
  await server.send({
    method: "POST",
    path: "/api/v1/nodes",
    body: { apiVersion: "v1", kind: "Node", metadata: metadata("node-1") },
  });
  const node = (await server.send({ path: "/api/v1/nodes/node-1" })).json();
  const status = {
    addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  };
  await server.send({
    method: "PUT",
    path: "/api/v1/nodes/node-1/status",
    body: { ...node, status },
  });
  await server.send({
    method: "POST",
    path: "/api/v1/namespaces/default/pods",
    body: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: metadata("talk"),
      spec: { nodeName: "node-1", containers: [{ name: "c", image: "i" }] },
    },
  });
}
