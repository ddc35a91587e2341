/**
 * Flags and environment of `sagong store` → `StoreConfig`. Flags are written as Go programs take
 * them (`-name v`, `--name v`, `--name=v`); a flag beats its `ETCD_*` variable, which beats the
 * default. Every refusal is one sentence, worded as etcd's where etcd has one.
 */
import { LOG_LEVELS, type LogLevel } from "@sagong/base";
import { DEFAULT_TRANSPORT, type Transport, TRANSPORTS } from "@sagong/rpc";
import {
  environmentName,
  type FlagName,
  STORE_FLAGS,
  UNSUPPORTED_ETCD_FLAGS,
} from "./flag-table.js";
import { parseDurationFlag } from "./parse-duration.js";
import {
  checkStoreConfig,
  type InitialMember,
  STORE_DEFAULTS,
  type StoreConfig,
} from "./store-config.js";
import { isBindable, type Parsed, parseStoreUrls, type StoreUrl } from "./store-url.js";

export type LoadedConfig =
  | { readonly kind: "config"; readonly config: StoreConfig; readonly warnings: readonly string[] }
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "error"; readonly error: string };

export type Environment = Readonly<Record<string, string | undefined>>;

export function loadStoreConfig(args: readonly string[], environment: Environment): LoadedConfig {
  try {
    const flags = parseFlags(args);
    if (flags === "help" || flags === "version") return { kind: flags };
    const settings = new Settings(flags, environment);
    const config = buildConfig(settings);
    const error = checkStoreConfig(config);
    if (error !== undefined) return { kind: "error", error };
    return { kind: "config", config, warnings: unrecognized(environment) };
  } catch (error) {
    if (error instanceof ConfigError) return { kind: "error", error: error.message };
    throw error;
  }
}

class ConfigError extends Error {
  override readonly name: string = "ConfigError";
}

const FLAG_NAMES: ReadonlySet<string> = new Set(STORE_FLAGS.map((flag) => flag.name));

function parseFlags(args: readonly string[]): ReadonlyMap<string, string> | "help" | "version" {
  const values = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] ?? "";
    const match = /^--?([^-=][^=]*)(?:=([^]*))?$/.exec(argument);
    const name = match?.[1];
    if (!match || name === undefined) throw new ConfigError(`'${argument}' is not a valid flag`);
    if (name === "help" || name === "h") return "help";
    if (name === "version") return "version";
    const isEtcds = UNSUPPORTED_ETCD_FLAGS.has(name) || name.startsWith("experimental-");
    if (isEtcds && !FLAG_NAMES.has(name)) {
      throw new ConfigError(`flag -${name} of etcd is not supported by sagong store yet`);
    }
    if (!FLAG_NAMES.has(name)) {
      throw new ConfigError(`flag provided but not defined: -${name} (see sagong store --help)`);
    }
    const value = match[2] ?? args[++i];
    if (value === undefined) throw new ConfigError(`flag needs an argument: -${name}`);
    values.set(name, value);
  }
  return values;
}

/** Where each value comes from, so that a refusal names the flag or the variable to mend. */
class Settings {
  readonly #flags: ReadonlyMap<string, string>;
  readonly #environment: Environment;

  constructor(flags: ReadonlyMap<string, string>, environment: Environment) {
    this.#flags = flags;
    this.#environment = environment;
  }

  /** Undefined where neither flag nor variable is given; an empty variable counts as none. */
  text(name: FlagName): string | undefined {
    return this.#flags.get(name) ?? (this.#environment[environmentName(name)] || undefined);
  }

  urls(name: FlagName): readonly StoreUrl[] | undefined {
    return this.#parsed(name, parseStoreUrls);
  }

  bindUrls(name: FlagName): readonly StoreUrl[] | undefined {
    return this.#parsed(name, (text) => {
      const urls = parseStoreUrls(text);
      const named = urls.ok ? urls.value.find((url) => !isBindable(url)) : undefined;
      if (!named) return urls;
      return { ok: false, error: `expected IP in URL for binding (${named.text})` };
    });
  }

  integer(name: FlagName): number | undefined {
    return this.#parsed(name, (text) => {
      const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
      if (Number.isSafeInteger(value)) return { ok: true, value };
      return { ok: false, error: "parse error, expected a whole number" };
    });
  }

  durationMs(name: FlagName): number | undefined {
    return this.#parsed(name, parseDurationFlag);
  }

  choice<T extends string>(name: FlagName, choices: readonly T[]): T | undefined {
    return this.#parsed(name, (text) => {
      const value = choices.find((choice) => choice === text);
      if (value !== undefined) return { ok: true, value };
      return { ok: false, error: `expected one of ${choices.join(", ")}` };
    });
  }

  #parsed<T>(name: FlagName, parse: (text: string) => Parsed<T>): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    const where = this.#flags.has(name) ? `flag -${name}` : environmentName(name);
    throw new ConfigError(`invalid value "${text}" for ${where}: ${parsed.error}`);
  }
}

function buildConfig(settings: Settings): StoreConfig {
  const name = settings.text("name") ?? STORE_DEFAULTS.name;
  const listenClientUrls = settings.bindUrls("listen-client-urls");
  const advertiseClientUrls = settings.urls("advertise-client-urls");
  if (listenClientUrls && !advertiseClientUrls) {
    throw new ConfigError(
      "--advertise-client-urls is required when --listen-client-urls is set explicitly",
    );
  }
  const advertisePeerUrls = texts(
    settings.urls("initial-advertise-peer-urls") ?? defaultUrls(STORE_DEFAULTS.peerUrl),
  );
  const metricsText = settings.text("listen-metrics-urls");
  const quota = settings.integer("quota-backend-bytes") ?? 0;
  return {
    name,
    dataDir: settings.text("data-dir") ?? `${name}.etcd`,
    listenClientUrls: listenClientUrls ?? defaultUrls(STORE_DEFAULTS.clientUrl),
    advertiseClientUrls: texts(advertiseClientUrls ?? defaultUrls(STORE_DEFAULTS.clientUrl)),
    listenPeerUrls: settings.bindUrls("listen-peer-urls") ?? defaultUrls(STORE_DEFAULTS.peerUrl),
    initialAdvertisePeerUrls: advertisePeerUrls,
    listenMetricsUrls: metricsText ? (settings.bindUrls("listen-metrics-urls") ?? []) : [],
    initialCluster: initialCluster(settings, { name, peerUrls: advertisePeerUrls }),
    initialClusterState: settings.choice("initial-cluster-state", ["new", "existing"]) ?? "new",
    initialClusterToken: settings.text("initial-cluster-token") ?? STORE_DEFAULTS.clusterToken,
    heartbeatIntervalMs:
      settings.integer("heartbeat-interval") ?? STORE_DEFAULTS.heartbeatIntervalMs,
    electionTimeoutMs: settings.integer("election-timeout") ?? STORE_DEFAULTS.electionTimeoutMs,
    snapshotCount: settings.integer("snapshot-count") ?? STORE_DEFAULTS.snapshotCount,
    snapshotCatchUpEntries:
      settings.integer("snapshot-catchup-entries") ?? STORE_DEFAULTS.snapshotCatchUpEntries,
    quotaBackendBytes: quota === 0 ? STORE_DEFAULTS.quotaBackendBytes : quota,
    maxRequestBytes: settings.integer("max-request-bytes") ?? STORE_DEFAULTS.maxRequestBytes,
    maxTxnOps: settings.integer("max-txn-ops") ?? STORE_DEFAULTS.maxTxnOps,
    watchProgressNotifyIntervalMs:
      settings.durationMs("watch-progress-notify-interval") ??
      STORE_DEFAULTS.watchProgressNotifyIntervalMs,
    logLevel: settings.choice<LogLevel>("log-level", LOG_LEVELS) ?? "info",
    transport:
      settings.choice<Transport>("experimental-transport", TRANSPORTS) ?? DEFAULT_TRANSPORT,
  };
}

/** Without the flag, a cluster of this member alone. */
function initialCluster(settings: Settings, self: InitialMember): readonly InitialMember[] {
  const text = settings.text("initial-cluster");
  if (text === undefined) return [{ name: self.name, peerUrls: self.peerUrls.toSorted() }];
  const byName = new Map<string, string[]>();
  for (const row of text.split(",")) {
    const [name, url] = splitOnce(row.trim());
    const parsed = parseStoreUrls(url);
    if (name === "" || !parsed.ok) {
      const reason = parsed.ok ? "expected name=URL" : parsed.error;
      throw new ConfigError(`error setting up initial cluster: "${row}": ${reason}`);
    }
    const urls = byName.get(name) ?? [];
    urls.push(...texts(parsed.value));
    byName.set(name, urls);
  }
  return [...byName].map(([name, urls]) => ({ name, peerUrls: urls.toSorted() }));
}

function splitOnce(row: string): readonly [string, string] {
  const at = row.indexOf("=");
  return at < 0 ? [row, ""] : [row.slice(0, at), row.slice(at + 1)];
}

function defaultUrls(text: string): readonly StoreUrl[] {
  const parsed = parseStoreUrls(text);
  if (!parsed.ok) throw new ConfigError(parsed.error);
  return parsed.value;
}

function texts(urls: readonly StoreUrl[]): readonly string[] {
  return urls.map((url) => url.text);
}

function unrecognized(environment: Environment): readonly string[] {
  const known = new Set<string>(STORE_FLAGS.map((flag) => environmentName(flag.name)));
  return Object.keys(environment)
    .filter((name) => name.startsWith("ETCD_") && !known.has(name))
    .map((name) => `unrecognized environment variable ${name}`);
}
