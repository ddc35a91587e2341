/**
 * One run: a control plane of the real parts (registry, watch caches, informers, controllers, scheduler,
 * leader election, the agent's status manager and heartbeat) under virtual time, changes and faults by
 * a plan that follows from the seed, and then quiet, in which every rollout must come to its end.
 *
 *   plan ─▶ safety: users' changes and faults, every change of the store judged
 *        ─▶ liveness: all is healed, the last template works: converged within `LIVENESS_MS`
 */
import { createLogger, type Logger } from "@sagong/base";
import { startControllerManager, startScheduler } from "@sagong/orchestrator";
import type { ObjectClient } from "@sagong/orchestrator/client";
import type { Violation } from "../history/history.js";
import type { TraceEvent } from "../trace/trace.js";
import { SimulatedWorld } from "../world/simulated-world.js";
import { ApiLink, LinkState } from "./api-link.js";
import { ApiServers } from "./api-servers.js";
import { missingToConvergence } from "./convergence.js";
import { RolloutChecker } from "./rollout-checker.js";
import {
  planRollout,
  type RolloutAction,
  type RolloutPlan,
  type RolloutStep,
} from "./rollout-plan.js";
import { describeChange } from "./describe-change.js";
import { SimulatedNode } from "./simulated-node.js";
import { SimulatedProcess } from "./simulated-process.js";
import { SimulatedUser } from "./simulated-user.js";
import { type TrueChange, TrueStore } from "./true-store.js";

export interface SimulateRolloutOptions {
  /** A safe integer. */
  readonly seed: number;
  /** Instead of the seed's own: to replay a shorter one. */
  readonly plan?: RolloutPlan;
  /** How many of the last events are kept; the digest is of all. */
  readonly keepEvents?: number;
}

export interface RolloutResult {
  readonly seed: number;
  readonly plan: RolloutPlan;
  readonly violations: readonly Violation[];
  readonly digest: string;
  readonly simulatedMs: number;
  /** Changes of the store that were judged. */
  readonly operations: number;
  readonly faultsByKind: Readonly<Record<string, number>>;
  readonly events: readonly TraceEvent[];
}

/** Ten replicas one by one with minReadySeconds, and the longest backoff that an outage has led to. */
const LIVENESS_MS = 240_000;
/** For how long what has converged must stay so. */
const STABLE_MS = 3_000;
const LAST_VERSION = 1_000;

export async function simulateRollout(options: SimulateRolloutOptions): Promise<RolloutResult> {
  const { seed, plan = planRollout(seed), keepEvents = 0 } = options;
  const world = new SimulatedWorld(seed, { keepEvents });
  const cluster = new RolloutCluster(world, plan);
  for (const step of plan.steps) {
    world.after(step.atMs, () => cluster.take(step));
  }
  await world.runUntil(plan.safetyMs);
  cluster.heal();
  const untilMs = world.nowMs + LIVENESS_MS;
  const isDone = (): boolean => cluster.missing() === undefined;
  for (;;) {
    if (!(await world.runUntilTrue(isDone, untilMs))) break;
    await world.runUntil(world.nowMs + STABLE_MS);
    if (isDone()) break;
  }
  const missing = cluster.missing();
  const { violations } = cluster.checker;
  if (missing !== undefined) {
    const text = `not converged ${LIVENESS_MS} ms after the last fault: ${missing}`;
    violations.push({ guarantee: "rollout-converges", text, atMs: world.nowMs });
  }
  cluster.end();
  return {
    seed,
    plan,
    violations,
    digest: world.digestValue(),
    simulatedMs: world.nowMs,
    operations: cluster.checker.changes,
    faultsByKind: cluster.faultsByKind,
    events: world.trace.events,
  };
}

/** A program that may be killed and started again. */
interface Program {
  readonly link: LinkState;
  start(): void;
  kill(): void;
  stop(): Promise<void>;
  pause(forMs: number): void;
}

class RolloutCluster {
  readonly checker: RolloutChecker;
  readonly faultsByKind: Record<string, number> = {};
  readonly #world: SimulatedWorld;
  readonly #store: TrueStore;
  readonly #servers: ApiServers;
  readonly #programs = new Map<string, Program>();
  readonly #nodes: SimulatedNode[] = [];
  readonly #user: SimulatedUser;
  #missing: string | undefined;
  #lookedAt: number | undefined;

  constructor(world: SimulatedWorld, plan: RolloutPlan) {
    this.#world = world;
    this.checker = new RolloutChecker(world);
    this.#store = new TrueStore((change) => this.#changed(change));
    const { storeDelayMs, servers: count } = plan;
    this.#servers = new ApiServers({ world, store: this.#store, count, storeDelayMs });
    const process = new SimulatedProcess(world, "user");
    const client = this.#connect(process, new LinkState());
    const onIgnored = (text: string): void => this.checker.ignored(text);
    this.#user = new SimulatedUser(plan.deployments, { client, process, onIgnored });
    this.#user.begin();
    for (let i = 0; i < plan.nodes; i++) this.#addNode(`node-${i}`, i);
    for (let i = 0; i < plan.managers; i++) {
      const link = new LinkState(plan.watchDelayMs);
      this.#add(`controller-manager-${i}`, link, (parts) =>
        startControllerManager({ identity: parts.name }, parts),
      );
    }
    for (let i = 0; i < plan.schedulers; i++) {
      this.#add(`scheduler-${i}`, new LinkState(), (parts) =>
        startScheduler({ identity: parts.name, nextTurn: parts.nextTurn }, parts),
      );
    }
  }

  /** What is missing to convergence; looked for only where the store has changed. */
  missing(): string | undefined {
    if (!this.#user.isIdle) return "a change is not made yet";
    const { changes } = this.checker;
    if (this.#lookedAt !== changes) this.#missing = missingToConvergence(this.#store);
    this.#lookedAt = changes;
    return this.#missing;
  }

  take({ atMs: _atMs, ...action }: RolloutStep): void {
    this.faultsByKind[action.kind] = (this.faultsByKind[action.kind] ?? 0) + 1;
    const { kind, ...rest } = action;
    this.#world.trace.add({ kind: "fault", text: () => `${kind} ${JSON.stringify(rest)}` });
    this.#user.act(action);
    this.#befall(action);
  }

  heal(): void {
    this.#world.trace.add({ kind: "fault", text: "all is healed" });
    this.#servers.heal();
    for (const program of this.#programs.values()) {
      program.link.heal();
      program.start();
    }
    this.#user.settle(LAST_VERSION);
  }

  /** Nothing of it runs on. */
  end(): void {
    for (const program of this.#programs.values()) program.kill();
  }

  #changed(change: TrueChange): void {
    const { key, version, after } = change;
    this.#world.digest.text(key);
    this.#world.digest.number(version);
    if (after) this.#world.digest.text(JSON.stringify(after));
    this.checker.changed(change);
    this.#world.trace.add({ kind: "client", text: () => describeChange(change) });
  }

  #connect(process: SimulatedProcess, state: LinkState): ObjectClient {
    const [world, servers, observer] = [this.#world, this.#servers, this.checker];
    return new ApiLink({ world, process, servers, state, observer });
  }

  /** What a program says it cannot get over is a violation; all else is for who reads the trace. */
  #loggerOf({ name, gate }: SimulatedProcess): Logger {
    const isKeeping = this.#world.trace.isKeeping;
    return createLogger(isKeeping ? "debug" : "error", ({ level, message, fields }) => {
      // The dead only seem to speak: what was on its way in them comes to its end.
      if (gate.isDead) return;
      const text = (): string => `${level} ${message} ${JSON.stringify(fields)}`;
      this.#world.trace.note({ kind: "process", who: name, text });
      if (level === "error") this.checker.reported(name, text());
    });
  }

  #addNode(name: string, index: number): void {
    const link = new LinkState();
    const connect = (process: SimulatedProcess): ObjectClient => this.#connect(process, link);
    const node = new SimulatedNode({ world: this.#world, name, index, connect });
    this.#nodes.push(node);
    this.#programs.set(name, {
      link,
      start: () => node.start(),
      kill: () => node.kill(false),
      stop: () => Promise.resolve(node.kill(false)),
      pause: (forMs) => node.pause(forMs),
    });
  }

  #add(
    name: string,
    link: LinkState,
    start: (parts: SimulatedParts) => { close(): Promise<void> },
  ): void {
    let running: { process: SimulatedProcess; component: { close(): Promise<void> } } | undefined;
    const program: Program = {
      link,
      start: () => {
        if (running) return;
        const process = new SimulatedProcess(this.#world, name);
        const { clock, random, gate } = process;
        const client = this.#connect(process, link);
        const nextTurn = (): Promise<void> => new Promise((resolve) => gate.defer(resolve));
        const component = start({
          name,
          client,
          clock,
          random,
          logger: this.#loggerOf(process),
          nextTurn,
        });
        running = { process, component };
      },
      kill: () => {
        running?.process.kill();
        running = undefined;
      },
      stop: async () => {
        const stopping = running;
        await stopping?.component.close();
        stopping?.process.kill();
        if (running === stopping) running = undefined;
      },
      pause: (forMs) => running?.process.pause(forMs),
    };
    this.#programs.set(name, program);
    program.start();
  }

  #befall(action: RolloutAction): void {
    const { nowMs } = this.#world;
    switch (action.kind) {
      case "kill-api-server":
        this.#servers.at(action.server)?.kill();
        return this.#later(action.downMs, () => this.#servers.start(action.server));
      case "stop-api-server":
        void this.#servers.at(action.server)?.stop();
        return this.#later(action.downMs, () => this.#servers.start(action.server));
      case "stale-api-server":
        return this.#servers.hold(action.server, nowMs + action.forMs);
      case "compact":
        return this.#store.memory.compact();
      case "power-loss":
        this.#nodes[action.node]?.kill(true);
        return this.#later(action.downMs, () => this.#nodes[action.node]?.start());
      case "unready-pod":
        return void this.#nodes[action.node]?.hiccup(action.forMs);
      default:
        if ("who" in action) this.#befallProgram(action);
    }
  }

  #befallProgram(action: Extract<RolloutAction, { readonly who: string }>): void {
    const program = this.#programs.get(action.who);
    if (!program) return;
    const { link } = program;
    switch (action.kind) {
      case "stale-informer":
        link.heldUntilMs.set(action.resource, this.#world.nowMs + action.forMs);
        return;
      case "break-watches":
        return link.breakWatches();
      case "slow":
        link.delayMs = 400;
        break;
      case "lose-requests":
        link.loseRequestShare = 0.5;
        break;
      case "lose-answers":
        link.loseAnswerShare = 0.5;
        break;
      case "cut":
        link.isCut = true;
        link.breakWatches();
        break;
      case "kill":
        program.kill();
        return this.#later(action.downMs, () => program.start());
      case "stop":
        // Its end may take longer: then it starts when it has ended.
        return void program.stop().then(() => this.#later(action.downMs, () => program.start()));
      case "pause-process":
        return program.pause(action.forMs);
    }
    this.#later(action.forMs, () => link.heal());
  }

  #later(afterMs: number, act: () => void): void {
    this.#world.after(afterMs, act);
  }
}

interface SimulatedParts {
  readonly name: string;
  readonly client: ObjectClient;
  readonly clock: SimulatedProcess["clock"];
  readonly random: SimulatedProcess["random"];
  readonly logger: Logger;
  readonly nextTurn: () => Promise<void>;
}
