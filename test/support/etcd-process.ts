/** The original etcd, one member, on ports and a folder of its own: what ours is held against. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "./free-ports.js";
import { until } from "./until.js";

const READY_LIMIT_MS = 20_000;

export class EtcdProcess {
  readonly #dir = mkdtempSync(join(tmpdir(), "sagong-etcd-"));
  #child: ChildProcess | undefined;
  endpoint = "";

  /** `program` as from `findTool`. Resolves when it answers. */
  async start(program: string, flags: readonly string[] = []): Promise<void> {
    const [client, peer] = await freePorts(2);
    this.endpoint = `127.0.0.1:${client}`;
    const peerUrl = `http://127.0.0.1:${peer}`;
    this.#child = spawn(
      program,
      [
        `--data-dir=${join(this.#dir, "data")}`,
        `--listen-client-urls=http://${this.endpoint}`,
        `--advertise-client-urls=http://${this.endpoint}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=default=${peerUrl}`,
        ...flags,
      ],
      { stdio: "ignore" },
    );
    await until("etcd answers", READY_LIMIT_MS, async () => {
      const response = await fetch(`http://${this.endpoint}/health`);
      if (!response.ok) throw new Error(await response.text());
    });
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
