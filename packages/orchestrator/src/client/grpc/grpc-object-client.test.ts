import { once } from "node:events";
import {
  type AddressInfo,
  connect as connectTcp,
  createServer as createTcpServer,
  type Socket,
} from "node:net";
import { realClock } from "@sagong/base/real";
import { createServer } from "@sagong/rpc";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONFIG_MAPS, NAMESPACES, PODS } from "../../api/resources.js";
import { objectClientSuite } from "../../testing/object-client-suite.js";
import {
  type ObjectServiceCluster,
  openObjectServiceCluster,
} from "../../testing/object-service-cluster.js";
import type { ObjectClient } from "../object-client.js";
import { createGrpcObjectClient } from "./grpc-object-client.js";

const clock = realClock();
const ADMIN = { commonName: "admin", organization: "system:masters" };
const KEY = { namespace: "default", name: "a" };
const FROM_NOW = { sendInitialEvents: true, allowWatchBookmarks: true } as const;

objectClientSuite("GrpcObjectClient", async () => {
  const cluster = await openObjectServiceCluster({ clock });
  const client = await cluster.clientOf("system:kube-scheduler", "");
  return { client, compact: () => cluster.storage.compact(), close: () => cluster.close() };
});

describe("createGrpcObjectClient()", () => {
  let cluster: ObjectServiceCluster;
  let client: ObjectClient;
  beforeAll(async () => {
    cluster = await openObjectServiceCluster({ clock });
    client = await cluster.clientOf("system:kube-scheduler", "");
  });
  afterAll(() => cluster.close());

  const connect = (endpoint: string, tls: { ca: string; cert: string; key: string }) =>
    createGrpcObjectClient({ endpoint, tls }, { clock });

  it("acts for the subject of its certificate", async () => {
    const admin = await cluster.clientOf("kubernetes-admin", "system:masters");
    await admin.list(CONFIG_MAPS);
    const eve = await cluster.clientOf("eve", "boaters");
    await expect(eve.list(CONFIG_MAPS, { namespace: "default" })).rejects.toMatchObject({
      reason: "Forbidden",
      message:
        'configmaps is forbidden: User "eve" cannot list resource "configmaps" in API group "" in the namespace "default"',
    });
  });

  it("cannot connect with the certificate of another cluster's CA, nor to its server", async () => {
    const other = await openObjectServiceCluster({ clock });
    const subject = { commonName: "admin", organization: "system:masters" };
    const foreign = await other.pki.clientCertificate("admin", subject);
    const own = await cluster.pki.clientCertificate("admin", subject);
    const stranger = connect(cluster.url, { ca: cluster.pki.ca, ...foreign });
    const deceived = connect(other.url, { ca: cluster.pki.ca, ...own });
    for (const refused of [stranger, deceived]) {
      const create = refused.create(CONFIG_MAPS, { metadata: KEY });
      await expect(create).rejects.toMatchObject({ reason: "ServiceUnavailable" });
      await refused.close();
    }
    await other.close();
  });

  it("cannot connect to a server whose certificate is not for that address", async () => {
    const pair = await cluster.pki.nodeCertificate("elsewhere", ["127.0.0.9"]);
    const server = createServer({
      services: [cluster.service],
      tls: { ...pair, clientCa: cluster.pki.ca },
    });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    const own = await cluster.pki.clientCertificate("client", ADMIN);
    const byAddress = connect(`https://127.0.0.1:${port}`, { ca: cluster.pki.ca, ...own });
    await expect(byAddress.create(CONFIG_MAPS, { metadata: KEY })).rejects.toMatchObject({
      reason: "ServiceUnavailable",
      message: expect.stringContaining("127.0.0.1 is not in the cert's list"),
    });
    // Its names are those that it has: the connection itself is sound.
    const byName = connect(`https://localhost:${port}`, { ca: cluster.pki.ca, ...own });
    await byName.list(CONFIG_MAPS);
    await byAddress.close();
    await byName.close();
    await server.close();
  });

  it("tries reads again until the server is back, and does not try writes again", async () => {
    await cluster.stop();
    await expect(client.create(CONFIG_MAPS, { metadata: KEY })).rejects.toMatchObject({
      reason: "ServiceUnavailable",
      message: expect.stringContaining(`Cannot reach the API server at ${cluster.url}`),
    });
    const reads = Promise.all([
      client.get(NAMESPACES, { name: "default" }),
      client.list(NAMESPACES),
    ]);
    await cluster.restart();
    const [{ metadata }, { items }] = await reads;
    expect(metadata.name).toBe("default");
    expect(items).toHaveLength(1);
  });

  it("gives up reads when the signal is aborted between attempts", async () => {
    await cluster.stop();
    const abort = new AbortController();
    const read = client.get(NAMESPACES, { name: "default" }, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(read).rejects.toThrow("enough");
    await cluster.restart();
    await client.list(NAMESPACES);
  });

  it("watch() ends normally when the server closes, and goes on from where it was", async () => {
    const key = { namespace: "default", name: "watched" };
    const first = client.watch(CONFIG_MAPS, FROM_NOW)[Symbol.asyncIterator]();
    expect((await first.next()).value.type).toBe("BOOKMARK");
    const made = await client.create(CONFIG_MAPS, { metadata: key });
    expect((await first.next()).value.object).toEqual(made);
    const end = first.next();
    await cluster.stop();
    expect((await end).done).toBe(true);
    const changed = await cluster.client.update(CONFIG_MAPS, { ...made, data: { a: "1" } });
    await cluster.restart();
    await client.list(NAMESPACES);
    const { resourceVersion } = made.metadata;
    const second = client.watch(CONFIG_MAPS, { resourceVersion })[Symbol.asyncIterator]();
    expect((await second.next()).value).toEqual({ type: "MODIFIED", object: changed });
    await second.return?.();
  });

  it("watch() ends normally when the connection is cut, and throws when there is none", async () => {
    const proxy = await openProxy(Number(new URL(cluster.url).port));
    const own = await cluster.pki.clientCertificate("proxied", ADMIN);
    const proxied = connect(`https://127.0.0.1:${proxy.port}`, { ca: cluster.pki.ca, ...own });
    const watch = proxied.watch(CONFIG_MAPS, FROM_NOW)[Symbol.asyncIterator]();
    let next = await watch.next();
    while (next.value.type !== "BOOKMARK") next = await watch.next();
    const end = watch.next();
    await proxy.close();
    expect((await end).done).toBe(true);
    const again = proxied.watch(CONFIG_MAPS, FROM_NOW)[Symbol.asyncIterator]();
    await expect(again.next()).rejects.toMatchObject({ reason: "ServiceUnavailable" });
    await proxied.close();
  });

  it("list() gives a list larger than a message", async () => {
    const namespace = "large";
    await client.create(NAMESPACES, { metadata: { name: namespace } });
    const text = "사".repeat(300_000);
    const names = Array.from({ length: 12 }, (_, i) => `large-${String.fromCodePoint(97 + i)}`);
    for (const name of names)
      await client.create(CONFIG_MAPS, { metadata: { namespace, name }, data: { text } });
    const { items, metadata } = await client.list(CONFIG_MAPS, { namespace });
    expect(items.map((item) => item.metadata.name)).toEqual(names);
    expect(items.every(({ data }) => data?.["text"] === text)).toBe(true);
    expect(metadata.resourceVersion).toBeDefined();
    const watch = client.watch(CONFIG_MAPS, { namespace });
    let seen = 0;
    for await (const { object } of watch) {
      expect(object.data?.["text"]?.length).toBe(text.length);
      if (++seen === names.length) break;
    }
  });

  it("create() refuses an object beyond the limit with RequestEntityTooLarge", async () => {
    const data = { text: "x".repeat(5 * 1024 * 1024) };
    const large = { metadata: { namespace: "default", name: "too-large" }, data };
    await expect(client.create(CONFIG_MAPS, large)).rejects.toMatchObject({
      reason: "RequestEntityTooLarge",
    });
  });

  it("create() is told of a thousand faults, as far as they fit", async () => {
    const containers = Array.from({ length: 1_000 }, (_, i) => ({ name: `Not valid ∂ ${i}` }));
    const pod = { metadata: { namespace: "default", name: "bad" }, spec: { containers } };
    await expect(client.create(PODS, pod)).rejects.toMatchObject({
      reason: "Invalid",
      code: 422,
      message: expect.stringMatching(/^Pod "bad" is invalid: .*…$/),
    });
  });
});

interface Proxy {
  readonly port: number;
  /** Cuts all connections, and takes no more. */
  close(): Promise<void>;
}

async function openProxy(target: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((near) => {
    const far = connectTcp(target, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {}); // It is there to be cut.
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // A listening TCP server's.
  return {
    port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
