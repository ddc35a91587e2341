import { realClock } from "@sagong/base/real";
import { CONFIG_MAPS } from "@sagong/orchestrator/api";
import { afterEach, describe, expect, it } from "vitest";
import { type Answer, answeringServer, type AnsweringServer } from "../../test/answering-server.js";
import { parseOutputFormat } from "./output/output-format.js";
import { ResourceMap, type ServerResource } from "./session/discovery.js";
import type { Session } from "./session/session.js";
import { watchTarget } from "./watch-target.js";

let server: AnsweringServer;
afterEach(() => server.close());

const RESOURCE: ServerResource = {
  ...CONFIG_MAPS,
  singular: "configmap",
  shortNames: ["cm"],
  categories: [],
  verbs: ["list", "watch"],
  subresources: [],
};

const object = (name: string, resourceVersion: string) => ({
  kind: "ConfigMap",
  metadata: { name, resourceVersion },
});
const row = (name: string, resourceVersion: string) => ({
  cells: [name],
  object: { metadata: { name, resourceVersion } },
});
const EXPIRED: Answer = {
  code: 410,
  body: { kind: "Status", reason: "Expired", message: "too old", code: 410 },
};

interface Round {
  readonly objects: readonly (readonly [name: string, version: string])[];
  readonly version: string;
}

/** What `get --watch` prints where the server forgets its versions once, until it prints `last`. */
async function watched(
  output: string,
  last: string,
  rounds: readonly [Round, Round],
): Promise<string> {
  let lists = 0;
  server = await answeringServer((path) => {
    const isTable = output === "";
    if (path.includes("watch=true")) {
      if (!path.includes("resourceVersion=9")) return EXPIRED;
      const added = {
        type: "ADDED",
        object: isTable ? { kind: "Table", rows: [row("new", "10")] } : object("new", "10"),
      };
      return { body: `${JSON.stringify(added)}\n` };
    }
    const { objects, version } = rounds[lists++] ?? rounds[1];
    const metadata = { resourceVersion: version };
    return isTable
      ? {
          body: {
            kind: "Table",
            metadata,
            columnDefinitions: [{ name: "Name" }],
            rows: objects.map(([name, of]) => row(name, of)),
          },
        }
      : {
          body: {
            kind: "ConfigMapList",
            metadata,
            items: objects.map(([name, of]) => object(name, of)),
          },
        };
  });
  const stop = new AbortController();
  let out = "";
  const onOut = (text: string): void => {
    out += text;
    if (out.includes(last)) stop.abort(new Error("seen"));
  };
  await expect(watching(output, onOut, stop.signal)).rejects.toThrow("seen");
  return out;
}

function watching(output: string, out: (text: string) => void, signal: AbortSignal): Promise<void> {
  const io = {
    out,
    err: () => {},
    env: {},
    stdin: (async function* () {})(),
    isTerminal: false,
    columns: undefined,
    signal,
  };
  const session: Session = {
    calls: server.calls,
    resources: new ResourceMap([RESOURCE]),
    namespace: "default",
    isNamespaceGiven: false,
    clock: realClock(),
    io,
    signal,
  };
  return watchTarget(
    session,
    { resource: RESOURCE },
    {
      selection: {},
      format: parseOutputFormat(output),
      includeInitial: true,
      showManagedFields: false,
      view: { headers: true, withNamespace: false, labelColumns: [], showLabels: false },
    },
  );
}

const ROUNDS = [
  {
    objects: [
      ["a", "3"],
      ["b", "5"],
    ],
    version: "5",
  },
  {
    objects: [
      ["a", "3"],
      ["b", "8"],
      ["c", "7"],
    ],
    version: "9",
  },
] as const;

describe("watchTarget()", () => {
  it("shows what changed meanwhile when the server has forgotten the version, then goes on", async () => {
    expect(await watched("", "new", ROUNDS)).toBe("NAME\na\nb\nb\nc\nnew\n");
    server.close();
    expect(await watched("name", "new", ROUNDS)).toBe(
      ["a", "b", "b", "c", "new"].map((name) => `configmap/${name}\n`).join(""),
    );
  });

  it("ends with a refusal that is no lapse of memory", async () => {
    const refusal = { kind: "Status", reason: "Forbidden", message: "no", code: 403 };
    server = await answeringServer((path) =>
      path.includes("watch=true")
        ? { code: 403, body: refusal }
        : { body: { kind: "ConfigMapList", metadata: { resourceVersion: "1" }, items: [] } },
    );
    await expect(watching("name", () => {}, new AbortController().signal)).rejects.toThrow("no");
  });
});
