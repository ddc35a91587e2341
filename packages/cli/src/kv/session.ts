/**
 * One run of a command: its flags, connections and output. Owns the clients that it makes and
 * closes them; decides nothing about requests.
 */
import { readFile } from "node:fs/promises";
import {
  type Clock,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  errorText,
  parseDurationMs,
} from "@sagong/base";
import { realClock } from "@sagong/base/real";
import {
  type ClientCallOptions,
  createStoreClient,
  type StoreClient,
  type StoreClientOptions,
} from "@sagong/kv/client";
import type { Io } from "../terminal.js";
import type { GlobalFlags } from "./arguments.js";
import { KV_EXIT, KvError } from "./kv-error.js";
import { parseOutputFormat, type OutputFormat, printerFor } from "./printers/printer-for.js";
import type { Pieces, Results } from "./printers/results.js";
import { StandardInput } from "./standard-input.js";

/** Makes a session, runs `action` with it, and closes it. */
export type WithSession = (action: (session: Session) => Promise<void>) => Promise<void>;

export class Session {
  readonly io: Io;
  readonly clock: Clock = realClock();
  readonly format: OutputFormat;
  readonly endpoints: readonly string[];
  /** For every call. */
  readonly callOptions: ClientCallOptions & { readonly timeoutMs: number };
  readonly input: StandardInput;
  readonly #flags: GlobalFlags;
  readonly #clients: StoreClient[] = [];
  #client: StoreClient | undefined;

  /** Throws `KvError` where global flags make no sense. */
  constructor(flags: GlobalFlags, io: Io) {
    refuseUnsupported(flags);
    this.io = io;
    this.#flags = flags;
    this.format = parseOutputFormat(flags.writeOut);
    this.endpoints = flags.endpoints.split(",").map((endpoint) => endpoint.trim());
    const timeoutMs = durationFlag("command-timeout", flags.commandTimeout);
    for (const name of ["dial-timeout", "keepalive-time", "keepalive-timeout"] as const) {
      durationFlag(name, flags[DURATION_FLAGS[name]]);
    }
    this.callOptions = { timeoutMs, signal: io.signal };
    this.input = new StandardInput(io.stdin, io.signal);
  }

  /** A function that writes results of `kind`; throws `KvError` where the format has none. */
  printer<Kind extends keyof Results>(kind: Kind): (result: Results[Kind]) => void {
    const print = printerFor(kind, this.format, { isHex: this.#flags.hex ?? false });
    return (result) => this.write(print(result));
  }

  write(pieces: Pieces): void {
    if (pieces.length === 0) return;
    const { out, outBytes } = this.io;
    if (pieces.every((piece) => typeof piece === "string")) return out(pieces.join(""));
    const bytes = concatBytes(
      pieces.map((piece) => (typeof piece === "string" ? encodeUtf8(piece) : piece)),
    );
    if (outBytes) outBytes(bytes);
    else out(decodeUtf8(bytes));
  }

  /** Of all endpoints, as one. */
  async client(): Promise<StoreClient> {
    this.#client ??= await this.clientOf(this.endpoints);
    return this.#client;
  }

  /** A client of its own for `endpoints`. */
  async clientOf(endpoints: readonly string[]): Promise<StoreClient> {
    const tls = await this.#tls();
    const scheme = tls ? "https" : "http";
    const urls = endpoints.map((endpoint) => endpointUrl(endpoint, scheme));
    const options: StoreClientOptions = { endpoints: urls, ...(tls ? { tls } : {}) };
    const client = createStoreClient(options, { clock: this.clock });
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #tls(): Promise<StoreClientOptions["tls"]> {
    const { cacert = "", cert = "", key = "" } = this.#flags;
    if (cacert === "" && cert === "" && key === "") return undefined;
    if ((cert === "") !== (key === "")) {
      throw new KvError(
        KV_EXIT.badArguments,
        `--cert is "${cert}" and --key is "${key}", expected both or neither`,
      );
    }
    return {
      ...(cacert === "" ? {} : { ca: await readText("--cacert", cacert) }),
      ...(cert === "" ? {} : { cert: await readText("--cert", cert) }),
      ...(key === "" ? {} : { key: await readText("--key", key) }),
    };
  }
}

const DURATION_FLAGS = {
  "dial-timeout": "dialTimeout",
  "keepalive-time": "keepaliveTime",
  "keepalive-timeout": "keepaliveTimeout",
} as const;

function durationFlag(name: string, text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs !== undefined) return durationMs;
  const quoted = JSON.stringify(text);
  throw new KvError(
    KV_EXIT.failure,
    `invalid argument ${quoted} for "--${name}" flag: time: invalid duration ${quoted}`,
  );
}

/** What would be wrong to ignore. */
function refuseUnsupported(flags: GlobalFlags): void {
  if (flags.user !== undefined || flags.password !== undefined) {
    throw new KvError(KV_EXIT.unsupported, "--user and --password are not supported yet");
  }
  if (flags.insecureSkipTlsVerify) {
    throw new KvError(
      KV_EXIT.unsupported,
      "--insecure-skip-tls-verify is not supported: name the servers' authority with --cacert",
    );
  }
}

function endpointUrl(endpoint: string, scheme: "http" | "https"): string {
  const url = endpoint.includes("://") ? endpoint : `${scheme}://${endpoint}`;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new KvError(
    KV_EXIT.badArguments,
    `--endpoints has ${JSON.stringify(endpoint)}, expected host:port, http://… or https://…`,
  );
}

async function readText(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new KvError(KV_EXIT.failure, `cannot read ${flag}: ${errorText(error)}`);
  }
}
