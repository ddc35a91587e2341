import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import type { Io } from "../terminal.js";
import { completionCommand } from "./completion.js";

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const io: Io = {
    out: (text) => (out += text),
    err: (text) => (err += text),
    env: {},
    stdin: (async function* () {})(),
    isTerminal: false,
    columns: undefined,
    signal: new AbortController().signal,
  };
  const code = await completionCommand(["start", "kv", "get", "completion"])(args, io);
  return { code, out, err };
}

describe("sagong completion", () => {
  it.each([
    ["sagong ''", "completion get kv start"],
    ["sagong st", "start"],
    ["sagong kv lease ''", "grant keep-alive list revoke timetolive"],
    ["sagong kv --hex lease --k", "--keepalive-time --keepalive-timeout --key"],
    ["sagong kv lease timetolive --keys", "--keys"],
    ["sagong kv get --pre", "--prefix"],
    ["sagong get kv", ""],
  ])("bash completes %s", async (line, candidates) => {
    const { out: script } = await run("bash");
    const words = `COMP_WORDS=(${line}); COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))`;
    const shown = "printf '%s\\n' \"${COMPREPLY[@]}\" | sort | xargs";
    const found = execFileSync("bash", ["-c", `${script}\n${words}; _sagong; ${shown}`]);
    expect(found.toString().trim()).toBe(candidates);
  });

  it("scripts for zsh and fish know the same words", async () => {
    expect((await run("zsh")).out).toMatch(/\("sagong kv lease"\) commands=\(grant revoke /);
    expect((await run("fish")).out).toContain(
      `complete -c sagong -n '__sagong_at "sagong kv get"' -l prefix\n`,
    );
  });

  it("refuses other shells, and shows its help", async () => {
    expect(await run("tcsh")).toEqual({
      code: 2,
      out: "",
      err: 'sagong completion: unknown shell "tcsh", expected bash, zsh, fish\n',
    });
    expect(await run("--help")).toMatchObject({
      code: 0,
      out: expect.stringContaining("source <("),
    });
  });
});
