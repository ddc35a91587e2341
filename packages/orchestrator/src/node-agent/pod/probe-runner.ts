/**
 * Runs the startup, readiness and liveness probes of one running container. The startup probe
 * gates the other two. Owns its timers; what it knows is `results`, told of by `onChange`.
 *
 *   startup:    pending ──success──▶ started        ──failureThreshold──▶ unhealthy
 *   readiness:  not ready ◀──▶ ready (by successThreshold and failureThreshold)
 *   liveness:   fine ──failureThreshold──▶ unhealthy (the container is stopped and restarts)
 */
import { connect } from "node:net";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Clock, errorText, type Timer } from "@sagong/base";
import type { Container, HTTPGetAction, Probe } from "../../api/gen/core-v1.js";
import type { ContainerRuntime } from "../runtime/runtime.js";
import type { ProbeResults } from "./pod-observation.js";
import { portNumber } from "./port-number.js";

export interface ProbeTarget {
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
}

export interface ProbeDependencies {
  readonly clock: Clock;
  readonly runtime: ContainerRuntime;
  readonly onChange: () => void;
  /** For an Unhealthy event: "Liveness probe failed: …". */
  readonly onFailure: (message: string) => void;
}

type ProbeKind = "Startup" | "Readiness" | "Liveness";

interface ProbeState {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  successes: number;
  failures: number;
  timer: Timer | undefined;
}

type Outcome = { readonly ok: true } | { readonly ok: false; readonly message: string };

const DEFAULTS = { periodSeconds: 10, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 3 };
/** The kubelet follows no more than so much of a probe's answer. */
const MAX_BODY_BYTES = 10 * 1024;

export class ProbeRunner {
  readonly #target: ProbeTarget;
  readonly #dependencies: ProbeDependencies;
  readonly #states: ProbeState[] = [];
  #results: ProbeResults;
  #stopped = false;

  constructor(target: ProbeTarget, dependencies: ProbeDependencies) {
    this.#target = target;
    this.#dependencies = dependencies;
    const { startupProbe, readinessProbe } = target.container;
    const started = startupProbe === undefined;
    this.#results = {
      started,
      ready: started && readinessProbe === undefined,
      unhealthy: undefined,
    };
  }

  get results(): ProbeResults {
    return this.#results;
  }

  start(): void {
    if (this.#results.started) this.#startGated();
    else this.#begin("Startup", this.#target.container.startupProbe);
  }

  stop(): void {
    this.#stopped = true;
    for (const state of this.#states) state.timer?.cancel();
  }

  #startGated(): void {
    this.#begin("Readiness", this.#target.container.readinessProbe);
    this.#begin("Liveness", this.#target.container.livenessProbe);
  }

  #begin(kind: ProbeKind, probe: Probe | undefined): void {
    if (!probe) return;
    const state: ProbeState = { kind, probe, successes: 0, failures: 0, timer: undefined };
    this.#states.push(state);
    this.#schedule(state, probe.initialDelaySeconds ?? 0);
  }

  #schedule(state: ProbeState, delaySeconds: number): void {
    if (this.#stopped) return;
    state.timer = this.#dependencies.clock.schedule(delaySeconds * 1000, () => {
      void this.#run(state);
    });
  }

  /** Never rejects: `#probe` turns every failure into an outcome. */
  async #run(state: ProbeState): Promise<void> {
    const outcome = await this.#probe(state.probe);
    if (this.#stopped) return;
    if (outcome.ok) this.#succeed(state);
    else this.#fail(state, outcome.message);
    const over = state.kind === "Startup" && this.#results.started;
    if (over || this.#results.unhealthy !== undefined) return;
    this.#schedule(state, state.probe.periodSeconds ?? DEFAULTS.periodSeconds);
  }

  #succeed(state: ProbeState): void {
    state.failures = 0;
    state.successes++;
    if (state.successes < (state.probe.successThreshold ?? DEFAULTS.successThreshold)) return;
    if (state.kind === "Startup") {
      const ready = this.#target.container.readinessProbe === undefined;
      this.#set({ started: true, ready, unhealthy: undefined });
      this.#startGated();
    } else if (state.kind === "Readiness") {
      this.#set({ ...this.#results, ready: true });
    }
  }

  #fail(state: ProbeState, message: string): void {
    state.successes = 0;
    state.failures++;
    this.#dependencies.onFailure(`${state.kind} probe failed: ${message}`);
    if (state.failures < (state.probe.failureThreshold ?? DEFAULTS.failureThreshold)) return;
    if (state.kind === "Readiness") {
      this.#set({ ...this.#results, ready: false });
    } else {
      const { name } = this.#target.container;
      const unhealthy = `Container ${name} failed ${state.kind.toLowerCase()} probe, will be restarted`;
      this.#set({ ...this.#results, ready: false, unhealthy });
    }
  }

  #set(results: ProbeResults): void {
    const before = this.#results;
    this.#results = results;
    const same =
      before.ready === results.ready &&
      before.started === results.started &&
      before.unhealthy === results.unhealthy;
    if (!same) this.#dependencies.onChange();
  }

  async #probe(probe: Probe): Promise<Outcome> {
    const timeoutMs = (probe.timeoutSeconds ?? DEFAULTS.timeoutSeconds) * 1000;
    try {
      if (probe.exec) return await this.#exec(probe.exec.command ?? [], timeoutMs);
      if (probe.httpGet) return await this.#httpGet(probe.httpGet, timeoutMs);
      if (probe.tcpSocket) {
        const { host, port } = probe.tcpSocket;
        return await tcpConnect(
          host ?? this.#target.podIp,
          portNumber(port, this.#target.container),
          timeoutMs,
        );
      }
      return { ok: false, message: "this node probes by exec, httpGet and tcpSocket only" };
    } catch (error) {
      return { ok: false, message: errorText(error) };
    }
  }

  async #exec(command: readonly string[], timeoutMs: number): Promise<Outcome> {
    const { runtime } = this.#dependencies;
    const result = await runtime.execSync(this.#target.containerId, command, timeoutMs);
    if (result.timedOut) {
      return {
        ok: false,
        message: `command timed out: "${command.join(" ")}" timed out after ${timeoutMs / 1000}s`,
      };
    }
    if (result.exitCode === 0) return { ok: true };
    return { ok: false, message: result.stdout + result.stderr };
  }

  #httpGet(action: HTTPGetAction, timeoutMs: number): Promise<Outcome> {
    const host = action.host ?? this.#target.podIp;
    const port = portNumber(action.port, this.#target.container);
    const secure = action.scheme === "HTTPS";
    const { path: given = "/" } = action;
    const path = given.startsWith("/") ? given : `/${given}`;
    const url = `${secure ? "https" : "http"}://${host}:${port}${path}`;
    const headers = Object.fromEntries(
      (action.httpHeaders ?? []).map(({ name, value }) => [name, value]),
    );
    const options = {
      host,
      port,
      path,
      timeout: timeoutMs,
      headers: { "user-agent": "kube-probe/1.35", accept: "*/*", connection: "close", ...headers },
    };
    return new Promise((resolve) => {
      const fail = (error: Error): void =>
        resolve({ ok: false, message: `Get "${url}": ${dialText(error, `${host}:${port}`)}` });
      // Certificates are not verified: a probe asks whether something answers, as the kubelet's.
      const request = secure
        ? httpsRequest({ ...options, rejectUnauthorized: false })
        : httpRequest(options);
      request.setTimeout(timeoutMs, () => request.destroy(new Error("context deadline exceeded")));
      request.once("error", fail);
      request.once("response", (response) => {
        const status = response.statusCode ?? 0;
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_BODY_BYTES) response.destroy();
        });
        response.once("error", () => {}); // Its status has been taken; the body does not matter.
        if (status >= 200 && status < 400) resolve({ ok: true });
        else resolve({ ok: false, message: `HTTP probe failed with statuscode: ${status}` });
      });
      request.end();
    });
  }
}

/** What Go says of a refused connection, which people search for; else Node's own text. */
function dialText(error: Error, address: string): string {
  const code = "code" in error ? error.code : undefined;
  if (code === "ECONNREFUSED") return `dial tcp ${address}: connect: connection refused`;
  if (code === "EHOSTUNREACH") return `dial tcp ${address}: connect: no route to host`;
  return error.message;
}

function tcpConnect(host: string, port: number, timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const finish = (outcome: Outcome): void => {
      socket.destroy();
      resolve(outcome);
    };
    socket.once("connect", () => finish({ ok: true }));
    socket.once("timeout", () =>
      finish({ ok: false, message: `dial tcp ${host}:${port}: i/o timeout` }),
    );
    socket.once("error", (error) =>
      finish({ ok: false, message: dialText(error, `${host}:${port}`) }),
    );
  });
}
