import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { MUTANT_MARK } from "./mutant-loader.js";

const DIST = new URL("../../dist/mutants/", import.meta.url).href;
const QUORUM = new URL("../../../raft/dist/core/quorum.js", import.meta.url).href;

/** What a process of its own finds: the index that three members' answers commit, and the mark. */
async function inProcess(mutant: string | undefined): Promise<unknown> {
  const script = `
    import { register } from "node:module";
    const mutant = ${JSON.stringify(mutant) ?? "undefined"};
    if (mutant) register("${DIST}mutant-loader.js?mutant=" + mutant);
    const { quorumIndex } = await import("${QUORUM}");
    const mark = globalThis[Symbol.for("${MUTANT_MARK}")] ?? null;
    console.log(JSON.stringify({ index: quorumIndex([5, 3, 1]), mark }));
  `;
  const args = ["--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}

describe("mutant-loader", () => {
  it("changes the code of a process that asks for it, and leaves a mark", async () => {
    const mutated = await inProcess("ack-before-quorum");

    expect(mutated).toEqual({ index: 5, mark: "ack-before-quorum" });
  });

  it("leaves other processes and other files as they are", async () => {
    const [unchanged, other] = await Promise.all([
      inProcess(undefined),
      inProcess("renewal-forgotten"),
    ]);

    expect(unchanged).toEqual({ index: 3, mark: null });
    expect(other).toEqual({ index: 3, mark: null });
  });
});
