/** Finds out before anything starts whether a port is taken, and says what to do about it. */
import { createServer } from "node:net";
import { hasCode } from "@sagong/base";
import { type ClusterLayout, HOST, portsOf } from "./layout.js";
import { ClusterError } from "./options.js";

/** Rejects with `ClusterError` naming every port that is in use. */
export async function checkPorts(layout: ClusterLayout): Promise<void> {
  const ports = portsOf(layout);
  const free = await Promise.all(ports.map(({ port }) => isFree(port)));
  const taken = ports.filter((_, i) => !free[i]);
  if (taken.length === 0) return;
  const list = taken.map(({ port, part }) => `${port} (for ${part})`).join(", ");
  throw new ClusterError(
    `Cannot start: ${taken.length === 1 ? "port" : "ports"} ${list} ${taken.length === 1 ? "is" : "are"} in use; ` +
      "stop what listens there, or move all ports with --port-offset N",
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      if (hasCode(error, "EADDRINUSE")) resolve(false);
      else reject(error);
    });
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
