import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { silentLogger } from "@sagong/base";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpHandler, type HttpSource } from "./http-handler.js";
import { MetricsRegistry } from "./metrics.js";

interface World {
  alarms: string[];
  leader: boolean;
  readError: Error | undefined;
}

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
});

async function start(world: Partial<World> = {}, scope: "client" | "metrics" = "client") {
  const { alarms = [], leader = true, readError } = world;
  const source: HttpSource = {
    alarms: () => alarms,
    hasLeader: () => leader,
    isLearner: () => false,
    read: async ({ serializable }) => {
      if (readError && !serializable) throw readError;
    },
    version: () => ({ etcdserver: "3.6.0", etcdcluster: "3.6.0", storage: "3.6.0" }),
  };
  const metrics = new MetricsRegistry();
  const handler = createHttpHandler({ source, metrics, logger: silentLogger, scope });
  const server = createServer({ keepAlive: false }, handler);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  // Listening on TCP, so the address is one of host and port.
  const { port } = server.address() as AddressInfo;
  return { metrics, ask: (path: string, method = "GET") => ask(port, path, method) };
}

function ask(port: number, path: string, method: string) {
  return new Promise<{ status: number; body: string; allow: string | undefined }>(
    (resolve, reject) => {
      const call = request({ port, path, method, agent: false }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (body += chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, body, allow: response.headers.allow }),
        );
      });
      call.on("error", reject);
      call.end();
    },
  );
}

describe("GET /health", () => {
  it("is true with an empty reason when all is well", async () => {
    const { ask } = await start();
    expect(await ask("/health")).toMatchObject({
      status: 200,
      body: '{"health":"true","reason":""}',
    });
  });

  it("names the alarm unless it is excluded", async () => {
    const { ask, metrics } = await start({ alarms: ["NOSPACE"] });
    expect(await ask("/health")).toMatchObject({
      status: 503,
      body: '{"health":"false","reason":"ALARM NOSPACE"}\n',
    });
    expect(await ask("/health?exclude=NOSPACE")).toMatchObject({ status: 200 });
    expect(metrics.render()).toContain("etcd_server_health_failures 1");
    expect(metrics.render()).toContain("etcd_server_health_success 1");
  });

  it("needs a leader unless serializable", async () => {
    const { ask } = await start({ leader: false });
    expect((await ask("/health")).body).toContain("RAFT NO LEADER");
    expect((await ask("/health?serializable=true")).status).toBe(200);
  });

  it("tells the error of a failed read", async () => {
    const { ask } = await start({ readError: new Error("etcdserver: request timed out") });
    expect((await ask("/health")).body).toContain("RANGE ERROR:etcdserver: request timed out");
  });

  it("answers 405 to a POST", async () => {
    const { ask } = await start();
    expect(await ask("/health", "POST")).toMatchObject({ status: 405, allow: "GET" });
  });
});

describe("GET /livez and /readyz", () => {
  it("answer ok, with a line per check when verbose", async () => {
    const { ask } = await start();
    expect((await ask("/livez")).body).toBe("ok\n");
    expect((await ask("/readyz?verbose")).body).toBe(
      "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n" +
        "[+]non_learner ok\nok\n",
    );
  });

  it("always name the failed check, and leave out what is excluded", async () => {
    const { ask } = await start({ readError: new Error("no quorum") });
    expect(await ask("/readyz")).toMatchObject({ status: 503 });
    expect((await ask("/readyz")).body).toContain("[-]linearizable_read failed: no quorum\n");
    expect((await ask("/readyz?exclude=linearizable_read")).status).toBe(200);
    expect((await ask("/livez")).status).toBe(200);
  });

  it("answer for one check under its name, and 404 for an unknown one", async () => {
    const { ask } = await start({ alarms: ["CORRUPT"] });
    expect((await ask("/readyz/data_corruption")).body).toContain("alarm activated: CORRUPT");
    expect((await ask("/readyz/non_learner?verbose")).body).toBe("[+]non_learner ok\nok\n");
    expect((await ask("/readyz/nonsense")).status).toBe(404);
  });
});

describe("other paths", () => {
  it("answer version and metrics, and say that the gateway is not there", async () => {
    const { ask } = await start();
    expect(JSON.parse((await ask("/version")).body)).toEqual({
      etcdserver: "3.6.0",
      etcdcluster: "3.6.0",
      storage: "3.6.0",
    });
    expect((await ask("/metrics")).status).toBe(200);
    expect(await ask("/v3/kv/range", "POST")).toMatchObject({ status: 501 });
    expect((await ask("/nothing")).body).toBe("404 page not found\n");
    expect((await ask("//")).status).toBe(400);
  });

  it("are not served on a metrics listener", async () => {
    const { ask } = await start({}, "metrics");
    expect((await ask("/version")).status).toBe(404);
    expect((await ask("/health")).status).toBe(200);
  });
});
