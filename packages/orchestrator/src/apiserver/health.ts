/** /healthz, /livez and /readyz: each is a list of checks, and one answer of them all. */

export interface HealthReport {
  readonly code: 200 | 404 | 500;
  /** text/plain. */
  readonly body: string;
}

const PATH = /^\/(healthz|livez|readyz)(?:\/([a-z-]+))?\/?$/;

export interface HealthRequest {
  readonly path: string;
  readonly verbose: boolean;
  readonly isStoreReady: () => Promise<boolean>;
}

/** Undefined where the path is none of health. */
export async function healthOf(request: HealthRequest): Promise<HealthReport | undefined> {
  const match = PATH.exec(request.path);
  if (!match) return undefined;
  const [, name = "", single] = match;
  if (single !== undefined && single !== "ping" && single !== "etcd")
    return { code: 404, body: `${name} check ${single} is not known\n` };
  // A process that cannot reach its store is alive: killing it would not help.
  const asksStore = single === "etcd" || (single === undefined && name !== "livez");
  const isReady = !asksStore || (await request.isStoreReady());
  if (isReady && !request.verbose) return { code: 200, body: "ok" };
  const lines = [
    "[+]ping ok",
    isReady ? "[+]etcd ok" : "[-]etcd failed: the store does not answer",
    isReady ? `${name} check passed` : `${name} check failed`,
  ];
  return { code: isReady ? 200 : 500, body: `${lines.join("\n")}\n` };
}
