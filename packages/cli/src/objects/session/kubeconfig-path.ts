/** Which kubeconfig a command reads: `--kubeconfig`, $KUBECONFIG, ./.sagong/kubeconfig, ~/.kube/config. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Kubeconfig, KubeconfigError, loadKubeconfig } from "@sagong/orchestrator/client";

export interface KubeconfigChoice {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Throws `KubeconfigError`. Of several files in $KUBECONFIG the first that has the context counts;
 * unlike kubectl we do not mix the clusters of one file with the users of another.
 */
export function findKubeconfig(choice: KubeconfigChoice): Kubeconfig {
  const { context } = choice;
  let refusal: KubeconfigError | undefined;
  for (const path of candidates(choice)) {
    try {
      return loadKubeconfig({ path, context, readFile: (file) => readFileSync(file, "utf8") });
    } catch (error) {
      if (!(error instanceof KubeconfigError)) throw error;
      refusal ??= error;
    }
  }
  throw (
    refusal ??
    new KubeconfigError(
      "Cannot find a kubeconfig: expected --kubeconfig, $KUBECONFIG, ./.sagong/kubeconfig (made by sagong start) or ~/.kube/config",
    )
  );
}

function candidates({ kubeconfig, env }: KubeconfigChoice): readonly string[] {
  if (kubeconfig !== undefined) return [kubeconfig];
  const named = (env["KUBECONFIG"] ?? "").split(":").filter((path) => path !== "");
  if (named.length > 0) {
    const existing = named.filter((path) => existsSync(path));
    return existing.length > 0 ? existing : named.slice(0, 1); // To be named in the refusal.
  }
  const home = env["HOME"];
  const usual = [
    join(".sagong", "kubeconfig"),
    ...(home === undefined ? [] : [join(home, ".kube", "config")]),
  ];
  return usual.filter((path) => existsSync(path)).slice(0, 1);
}
