/** A local cluster with every part in a process of its own. */
import { fileURLToPath } from "node:url";
import type { ClusterLayout } from "./layout.js";
import { checkPorts } from "./check-ports.js";
import { partsOf, stopOrder } from "./parts.js";
import { apiServerReady, nodesReady, storeReady } from "./readiness.js";
import type { ClusterDependencies, RunningCluster } from "./running-cluster.js";
import { Supervisor } from "./supervisor.js";
import { writeKubeconfigs } from "./write-kubeconfigs.js";

const PROGRAM = fileURLToPath(new URL("../../bin/sagong.mjs", import.meta.url));

/** Resolves when all parts answer. Rejects with `ClusterError`, with everything stopped again. */
export async function runProcesses(
  layout: ClusterLayout,
  dependencies: ClusterDependencies,
): Promise<RunningCluster> {
  const { clock, progress, signal, program } = dependencies;
  await checkPorts(layout);
  await writeKubeconfigs(layout, { clock });
  const supervisor = new Supervisor({
    clock,
    program: [program, PROGRAM],
    report: (message) => progress.say(message),
  });
  const close = (): Promise<void> => supervisor.stop(stopOrder(layout));
  try {
    for (const part of partsOf(layout)) supervisor.start(part);
    const members = layout.members.length;
    await progress.step(`Store (${members} member${members === 1 ? "" : "s"})`, () =>
      storeReady(layout, { clock, signal }),
    );
    const client = await progress.step("API server", () =>
      apiServerReady(layout, { clock, signal }),
    );
    const nodes = layout.nodes.length;
    await progress.step(`Controllers, scheduler, ${nodes} node${nodes === 1 ? "" : "s"}`, () =>
      nodesReady(layout, { clock, signal, client }),
    );
    await client.close();
  } catch (error) {
    await close();
    throw error;
  }
  return { pids: () => supervisor.pids(), close };
}
