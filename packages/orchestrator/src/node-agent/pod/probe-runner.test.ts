import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { once } from "node:events";
import { VirtualClock } from "@sagong/base";
import { realClock } from "@sagong/base/real";
import { describe, expect, it, vi } from "vitest";
import type { Container, Probe } from "../../api/gen/core-v1.js";
import { elapse } from "../../testing/virtual-time.js";
import type { ContainerRuntime, ExecResult } from "../runtime/runtime.js";
import { ProbeRunner } from "./probe-runner.js";

/** A container whose commands succeed or fail as they are told, and when they were asked. */
class Commands {
  readonly asked: string[] = [];
  readonly failing = new Set<string>();
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** Only commands are run by probes. */
  get runtime(): ContainerRuntime {
    const execSync = async (_id: string, [name = ""]: readonly string[]): Promise<ExecResult> => {
      this.asked.push(`${name} ${this.#clock.monotonicMs() / 1000}`);
      const exitCode = this.failing.has(name) ? 1 : 0;
      return { exitCode, stdout: "why", stderr: "", timedOut: false };
    };
    return { execSync } as unknown as ContainerRuntime;
  }
}

const exec = (name: string, more: Partial<Probe> = {}): Probe => ({
  exec: { command: [name] },
  ...more,
});

function open(container: Partial<Container>) {
  const clock = new VirtualClock();
  const commands = new Commands(clock);
  const failures: string[] = [];
  let changes = 0;
  const runner = new ProbeRunner(
    { container: { name: "c", ...container }, containerId: "id", podIp: "127.0.0.1" },
    {
      clock,
      runtime: commands.runtime,
      onChange: () => void changes++,
      onFailure: (message) => failures.push(message),
    },
  );
  runner.start();
  return { clock, commands, failures, runner, changes: () => changes };
}

describe("ProbeRunner", () => {
  it("a container without probes is started and ready", () => {
    expect(open({}).runner.results).toEqual({ started: true, ready: true, unhealthy: undefined });
  });

  it("readiness: follows the probe by its delay, period and thresholds", async () => {
    const readinessProbe = exec("ready", {
      initialDelaySeconds: 3,
      periodSeconds: 5,
      successThreshold: 2,
      failureThreshold: 2,
    });
    const { clock, commands, runner, failures, changes } = open({ readinessProbe });
    expect(runner.results.ready).toBe(false);
    await elapse(clock, 7_999);
    expect(runner.results.ready).toBe(false);
    await elapse(clock, 1);
    expect(runner.results.ready).toBe(true);
    commands.failing.add("ready");
    await elapse(clock, 5_000);
    expect(runner.results.ready).toBe(true);
    await elapse(clock, 5_000);
    expect(runner.results).toMatchObject({ ready: false, unhealthy: undefined });
    expect(commands.asked).toEqual(["ready 3", "ready 8", "ready 13", "ready 18"]);
    expect(failures).toEqual(["Readiness probe failed: why", "Readiness probe failed: why"]);
    expect(changes()).toBe(2);
  });

  it("liveness: finds unhealthy after as many failures in a row, and asks no more", async () => {
    const livenessProbe = exec("live", { periodSeconds: 1 });
    const { clock, commands, runner } = open({ livenessProbe });
    await elapse(clock, 2_000);
    commands.failing.add("live");
    await elapse(clock, 2_000);
    commands.failing.clear(); // In a row: one success forgives two failures.
    await elapse(clock, 1_000);
    commands.failing.add("live");
    await elapse(clock, 2_000);
    expect(runner.results.unhealthy).toBeUndefined();
    await elapse(clock, 60_000);
    expect(runner.results.unhealthy).toBe("Container c failed liveness probe, will be restarted");
    expect(commands.asked).toHaveLength(9);
  });

  it("startup: holds the others back until it passes, and then is over", async () => {
    const { clock, commands, runner } = open({
      startupProbe: exec("start", { periodSeconds: 1, failureThreshold: 10 }),
      readinessProbe: exec("ready", { periodSeconds: 1 }),
      livenessProbe: exec("live", { periodSeconds: 1 }),
    });
    commands.failing.add("start");
    await elapse(clock, 3_000);
    expect(new Set(commands.asked.map((text) => text.split(" ")[0]))).toEqual(new Set(["start"]));
    expect(runner.results).toEqual({ started: false, ready: false, unhealthy: undefined });
    commands.failing.clear();
    await elapse(clock, 3_000);
    expect(runner.results).toMatchObject({ started: true, ready: true });
    expect(commands.asked.filter((text) => text.startsWith("start"))).toHaveLength(5);
  });

  it("startup: a container that never starts is unhealthy", async () => {
    const { clock, commands, runner } = open({
      startupProbe: exec("start", { periodSeconds: 1, failureThreshold: 2 }),
    });
    commands.failing.add("start");
    await elapse(clock, 5_000);
    expect(runner.results.unhealthy).toBe("Container c failed startup probe, will be restarted");
  });

  it("stop() asks no more, whatever comes of a probe under way", async () => {
    const { clock, commands, runner } = open({ readinessProbe: exec("ready") });
    await elapse(clock, 10_000);
    runner.stop();
    const asked = commands.asked.length;
    await elapse(clock, 60_000);
    expect(commands.asked).toHaveLength(asked);
  });
});

/** The first outcome of a readiness probe against a real server: its failure, or that it passed. */
async function outcomeOf(probe: Probe, ports: Container["ports"] = []): Promise<string> {
  let outcome: string | undefined;
  const runner = new ProbeRunner(
    {
      container: { name: "c", ports, readinessProbe: { periodSeconds: 60, ...probe } },
      containerId: "id",
      podIp: "127.0.0.1",
    },
    {
      clock: realClock(),
      runtime: {} as ContainerRuntime, // These probes run no commands.
      onChange: () => void (outcome ??= "ready"),
      onFailure: (message) => void (outcome ??= message),
    },
  );
  runner.start();
  const found = await vi.waitFor(
    () => {
      if (outcome === undefined) throw new Error("no outcome yet");
      return outcome;
    },
    { timeout: 5_000, interval: 5 },
  );
  runner.stop();
  return found;
}

async function listen(): Promise<{ server: HttpServer; port: number; headers: () => object }> {
  let headers: object = {};
  const server = createHttpServer((request, response) => {
    headers = request.headers;
    if (request.url === "/hang") return;
    response.writeHead(request.url === "/moved" ? 302 : request.url === "/ok" ? 200 : 503).end("x");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A listening TCP server's address is never a string or null.
  return { server, port: (server.address() as AddressInfo).port, headers: () => headers };
}

describe("ProbeRunner over the network", () => {
  it("httpGet: any answer from 200 to 399 in time passes", async () => {
    const { server, port, headers } = await listen();
    const get = (path: string, more: Partial<Probe> = {}): Promise<string> =>
      outcomeOf({ httpGet: { path, port }, ...more });
    expect(await get("/ok")).toBe("ready");
    expect(headers()).toMatchObject({ "user-agent": "kube-probe/1.35", connection: "close" });
    expect(await get("/moved")).toBe("ready");
    expect(await get("/broken")).toBe(
      "Readiness probe failed: HTTP probe failed with statuscode: 503",
    );
    expect(await get("/hang", { timeoutSeconds: 0.05 })).toContain("context deadline exceeded");
    const named = {
      httpGet: { path: "ok", port: "web", httpHeaders: [{ name: "X", value: "1" }] },
    };
    expect(await outcomeOf(named, [{ name: "web", containerPort: port }])).toBe("ready");
    expect(headers()).toMatchObject({ x: "1" });
    expect(await outcomeOf({ httpGet: { port: "none" } })).toContain(`couldn't find port: "none"`);
    server.closeAllConnections();
    server.close();
  });

  it("tcpSocket: passes where somebody listens", async () => {
    const server = createTcpServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo; // As above.
    expect(await outcomeOf({ tcpSocket: { port } })).toBe("ready");
    server.close();
    await once(server, "close");
    expect(await outcomeOf({ tcpSocket: { port } })).toContain("connection refused");
  });

  it("says so where it does not know a kind of probe", async () => {
    expect(await outcomeOf({ grpc: { port: 1 } })).toContain("exec, httpGet and tcpSocket only");
  });
});
