/**
 * The house rules that no compiler or linter checks, as tests over the tracked files. Each rule
 * says what to do instead. Exceptions are listed beside the rule with their reason, and may only
 * become fewer.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(root, path)));

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const isGenerated = (path: string): boolean => path.includes("/gen/");
const isTest = (path: string): boolean =>
  path.endsWith(".test.ts") || path.includes("/test/") || path.startsWith("test/");

const sources = tracked.filter(
  (path) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path) && !isGenerated(path) && !isTest(path),
);

/** Text without comments and string contents, so that rules look at code only. */
function codeOf(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/(^|[^:"'`])\/\/.*$/gm, "$1")
    .replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'/g, "''");
}

/** Files that may touch the platform's time, chance or process, and why. */
const PLATFORM_FILES: readonly { readonly path: RegExp; readonly why: string }[] = [
  { path: /^packages\/base\/src\/real\//, why: "the real clock, seed and log stream live there" },
  { path: /^packages\/cli\/src\/main\.ts$/, why: "the program's own door" },
  {
    path: /^packages\/robustness\/src\/simulation\/worker-main\.ts$/,
    why: "the door of a program: it ends with whoever started it, in the middle of a run",
  },
  {
    path: /^packages\/(?:rpc|orchestrator)\/src\/testing\/[a-z-]+-suite\.ts$/,
    why: "suites run on real transports and stores, whose time is real",
  },
  {
    path: /^packages\/cli\/src\/cluster\/supervisor\.ts$/,
    why: "children inherit our environment",
  },
];

const PLATFORM_CALLS: readonly { readonly call: RegExp; readonly instead: string }[] = [
  { call: /\bDate\.now\(/, instead: "take a Clock and use wallMs() or monotonicMs()" },
  { call: /\bnew Date\(\)/, instead: "take a Clock and use new Date(clock.wallMs())" },
  { call: /\bMath\.random\(/, instead: "take a Random" },
  // A socket's own setTimeout is not the clock's.
  { call: /(?<!\.)\bset(?:Timeout|Interval)\(/, instead: "take a Clock and use schedule()" },
  { call: /\bprocess\.exit\(/, instead: "return an exit code, or set process.exitCode in main.ts" },
  { call: /\bprocess\.env\b/, instead: "take the environment as a parameter" },
];

describe("tidy", () => {
  it("time, chance and the process are parameters", () => {
    const faults: string[] = [];
    for (const path of sources) {
      if (PLATFORM_FILES.some((allowed) => allowed.path.test(path))) continue;
      const code = codeOf(read(path));
      for (const { call, instead } of PLATFORM_CALLS) {
        if (call.test(code)) faults.push(`${path}: ${call.source}: ${instead}`);
      }
    }
    expect(faults).toEqual([]);
  });

  it("index.ts is the public surface: named re-exports only", () => {
    const faults = sources
      .filter((path) => path.endsWith("/index.ts"))
      .filter((path) => {
        const code = codeOf(read(path)).replaceAll(/export (?:type )?\{[^}]*\} from "";/g, "");
        return code.trim() !== "";
      });
    expect(faults).toEqual([]);
  });

  it("packages reach each other only through their exports, in one direction", () => {
    const order = ["base", "rpc", "raft", "kv", "orchestrator", "robustness", "cli"];
    const faults: string[] = [];
    for (const path of sources) {
      const own = path.split("/")[1] ?? "";
      for (const [, specifier = ""] of read(path).matchAll(/from "([^"]+)"/g)) {
        if (specifier.startsWith(".")) {
          const target = relative(root, join(root, dirname(path), specifier));
          if (!target.startsWith(`packages/${own}/src/`)) faults.push(`${path} → ${specifier}`);
        }
        const other = /^@sagong\/([^/]+)/.exec(specifier)?.[1];
        // base/src/real is a project of its own, so that base itself sees no platform.
        if (path.startsWith("packages/base/src/real/")) continue;
        if (other !== undefined && order.indexOf(other) >= order.indexOf(own)) {
          faults.push(`${path} → ${specifier}: packages look towards base only`);
        }
      }
      if (own === "orchestrator" && /from "@sagong\/(?:raft|kv")/.test(read(path))) {
        faults.push(`${path}: the orchestrator knows the store by @sagong/kv/client only`);
      }
    }
    expect(faults).toEqual([]);
  });

  it("a file of more than 60 lines opens with a comment that says what it is", () => {
    const faults = sources.filter((path) => {
      const text = read(path);
      return text.split("\n").length > 60 && !/^(?:#!.*\n)?(?:\/\*\*|\/\/)/.test(text);
    });
    expect(faults).toEqual([]);
  });

  it("no file is longer than 600 lines", () => {
    const faults = sources.filter((path) => read(path).split("\n").length > 600);
    expect(faults).toEqual([]);
  });

  it("no marks of unfinished work", () => {
    const mark = new RegExp(
      ["TO" + "DO", "FIX" + "ME", "X" + "XX"].map((m) => `\\b${m}\\b`).join("|"),
    );
    const faults = tracked.filter(
      (path) => /\.(?:ts|mjs|md|proto)$/.test(path) && mark.test(read(path)),
    );
    expect(faults).toEqual([]);
  });

  it("the repository's root holds what it names, and no tool's leavings", () => {
    const isNamed =
      /^(?:\.[a-z.]+|[A-Z]+(?:\.md)?|package(?:-lock)?\.json|tsconfig(?:\.base)?\.json|vitest\.config\.ts)$/;
    const faults = tracked.filter((path) => !path.includes("/") && !isNamed.test(path));
    expect(faults).toEqual([]);
  });

  it("every dependency stands in docs/dependencies.md", () => {
    const known = read("docs/dependencies.md");
    const names = tracked
      .filter((path) => /^(?:packages\/[^/]+\/)?package\.json$/.test(path))
      .flatMap((path) => {
        const manifest: unknown = JSON.parse(read(path));
        const { dependencies = {}, devDependencies = {} } = manifest as {
          // The two fields of a package.json that npm defines as maps of names to ranges.
          dependencies?: Record<string, string>;
          devDependencies?: Record<string, string>;
        };
        return [...Object.keys(dependencies), ...Object.keys(devDependencies)];
      })
      .filter((name) => !name.startsWith("@sagong/"));
    expect(names.filter((name) => !known.includes(`\`${name}\``))).toEqual([]);
  });

  it("ARCHITECTURE.md is at most 300 lines and names every source folder", () => {
    const text = read("ARCHITECTURE.md");
    expect(text.split("\n").length).toBeLessThanOrEqual(300);
    const folders = new Set(
      sources.map((path) => path.split("/").slice(0, 4)).filter((parts) => parts.length === 4),
    );
    const missing = [...new Set([...folders].map((parts) => parts.join("/")))]
      .filter((folder) => !folder.endsWith(".ts"))
      .filter((folder) => !text.includes(folder));
    expect(missing).toEqual([]);
    for (const [, folder = ""] of text.matchAll(/`(packages\/[a-z/-]+?)\/?`/g)) {
      expect(existsSync(join(root, folder)), `${folder} is named but does not exist`).toBe(true);
    }
  });
});
