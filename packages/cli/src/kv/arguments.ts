/**
 * What comes before commander: etcdctl's environment (`ETCDCTL_ENDPOINTS`, …) as flags in front of
 * the given ones, which therefore win, and Go's spellings of flags (`--prefix=false`, `-w=json`).
 */
import type { Command as Program } from "commander";
import { KV_EXIT, KvError } from "./kv-error.js";

export interface GlobalFlags {
  readonly endpoints: string;
  readonly dialTimeout: string;
  readonly commandTimeout: string;
  readonly keepaliveTime: string;
  readonly keepaliveTimeout: string;
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly writeOut: string;
  readonly user?: string;
  readonly password?: string;
  readonly hex?: true;
  readonly debug?: true;
  readonly insecureTransport?: true;
  readonly insecureSkipTlsVerify?: true;
}

/** Adds etcdctl's global flags, with its defaults. */
export function addGlobalFlags(program: Program): Program {
  return program
    .option(
      "--endpoints <list>",
      "members to ask: host:port or URL, comma-separated",
      "127.0.0.1:2379",
    )
    .option("-w, --write-out <format>", "simple, json, table, fields or protobuf", "simple")
    .option("--hex", "print keys and values as hexadecimal bytes")
    .option(
      "--command-timeout <duration>",
      "longest wait for one request, connecting included",
      "5s",
    )
    .option("--cacert <file>", "the authority that signed the servers' certificates")
    .option("--cert <file>", "certificate to identify ourselves with")
    .option("--key <file>", "its private key")
    .option("--dial-timeout <duration>", "accepted as etcdctl's; see --command-timeout", "2s")
    .option("--keepalive-time <duration>", "accepted as etcdctl's; ours is 10s", "2s")
    .option("--keepalive-timeout <duration>", "accepted as etcdctl's; ours is 5s", "6s")
    .option("--debug", "accepted as etcdctl's; nothing is logged")
    .option("--insecure-transport", "accepted as etcdctl's; http:// and https:// decide")
    .option("--insecure-skip-tls-verify", "refused: servers are always verified")
    .option("--user <name[:password]>", "refused: users are not supported yet")
    .option("--password <password>", "refused: users are not supported yet");
}

const GLOBAL_VALUES = [
  "endpoints",
  "dial-timeout",
  "command-timeout",
  "keepalive-time",
  "keepalive-timeout",
  "cacert",
  "cert",
  "key",
  "write-out",
  "user",
  "password",
] as const;

const GLOBAL_BOOLEANS = ["hex", "debug", "insecure-transport", "insecure-skip-tls-verify"] as const;

const BOOLEANS: ReadonlySet<string> = new Set([
  ...GLOBAL_BOOLEANS,
  "cluster",
  "count-only",
  "from-key",
  "help",
  "ignore-lease",
  "ignore-value",
  "interactive",
  "keys",
  "keys-only",
  "once",
  "physical",
  "prefix",
  "prev-kv",
  "print-value-only",
  "progress-notify",
]);

/** What Go's `strconv.ParseBool` takes. */
const GO_BOOLEANS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true])),
  ...Object.fromEntries(["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false])),
};

/** `args` as commander understands them. Throws `KvError` where a boolean is none. */
export function normalizeArguments(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const end = args.indexOf("--");
  const flagsEnd = end < 0 ? args.length : end;
  const flags: string[] = [...environmentFlags(env)];
  for (const word of args.slice(0, flagsEnd)) {
    const [, name = "", value = ""] = /^--([a-z-]+)=(.*)$/s.exec(word) ?? [];
    if (word.startsWith("-w=")) {
      flags.push("-w", word.slice("-w=".length));
    } else if (!BOOLEANS.has(name)) {
      flags.push(word);
    } else if (parseBoolean(name, value)) {
      flags.push(`--${name}`);
    } else {
      for (let at = flags.indexOf(`--${name}`); at >= 0; at = flags.indexOf(`--${name}`)) {
        flags.splice(at, 1);
      }
    }
  }
  return [...flags, ...args.slice(flagsEnd)];
}

function* environmentFlags(
  env: Readonly<Record<string, string | undefined>>,
): Generator<string, void> {
  const valueOf = (name: string): string =>
    env[`ETCDCTL_${name.toUpperCase().replaceAll("-", "_")}`] ?? "";
  for (const name of GLOBAL_VALUES) {
    const value = valueOf(name);
    if (value !== "") yield `--${name}=${value}`;
  }
  for (const name of GLOBAL_BOOLEANS) {
    const value = valueOf(name);
    if (value !== "" && parseBoolean(name, value)) yield `--${name}`;
  }
}

function parseBoolean(name: string, text: string): boolean {
  const value = GO_BOOLEANS[text];
  if (value !== undefined) return value;
  const why = `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`;
  throw new KvError(
    KV_EXIT.failure,
    `invalid argument ${JSON.stringify(text)} for "--${name}" flag: ${why}`,
  );
}
