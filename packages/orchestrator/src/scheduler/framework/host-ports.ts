/** Ports of the node itself that a pod's containers take. Pure. */
import type { Container, Pod } from "../../api/gen/core-v1.js";

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

const ANY_ADDRESS = "0.0.0.0";

/** Those of init containers count only where they stay (sidecars): the others are over by then. */
export function hostPortsOf({ spec }: Pod): readonly HostPort[] {
  const sidecars = (spec?.initContainers ?? []).filter((one) => one.restartPolicy === "Always");
  return [...(spec?.containers ?? []), ...sidecars].flatMap(portsOf);
}

function portsOf({ ports = [] }: Container): readonly HostPort[] {
  return ports.flatMap(({ hostPort = 0, hostIP, protocol }) =>
    hostPort > 0
      ? [{ ip: hostIP || ANY_ADDRESS, protocol: protocol || "TCP", port: hostPort }]
      : [],
  );
}

/** The same port and protocol, at addresses that overlap. */
export function portsConflict(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === ANY_ADDRESS || b.ip === ANY_ADDRESS;
}
