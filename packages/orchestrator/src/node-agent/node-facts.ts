/** Reads what this machine is, for the Node object. */
import { existsSync, readFileSync } from "node:fs";
import { arch, availableParallelism, hostname, platform, release, totalmem } from "node:os";
import type { NodeFacts } from "./node-object.js";

export interface NodeFactsOptions extends Pick<
  NodeFacts,
  "name" | "address" | "port" | "podCidr" | "labels" | "maxPods"
> {
  readonly runtimeVersion: string;
  readonly agentVersion: string;
}

export function readNodeFacts(options: NodeFactsOptions): NodeFacts {
  const { runtimeVersion, agentVersion, ...rest } = options;
  const machineId = readLine("/etc/machine-id") ?? hostname();
  return {
    ...rest,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    system: {
      machineId,
      systemUuid: readLine("/sys/class/dmi/id/product_uuid") ?? machineId,
      bootId: readLine("/proc/sys/kernel/random/boot_id") ?? "",
      kernelVersion: release(),
      osImage: osImage(),
      operatingSystem: platform() === "win32" ? "windows" : platform(),
      architecture: arch() === "x64" ? "amd64" : arch(),
      runtimeVersion,
      agentVersion,
    },
  };
}

function osImage(): string {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(release)?.[1] ?? platform();
}

function readLine(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined; // Not there, or not for this user: the caller has another value.
  }
}
