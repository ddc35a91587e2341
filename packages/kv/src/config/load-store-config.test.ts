import { describe, expect, it } from "vitest";
import { loadStoreConfig } from "./load-store-config.js";
import type { StoreConfig } from "./store-config.js";

function config(args: readonly string[], environment = {}): StoreConfig {
  const loaded = loadStoreConfig(args, environment);
  if (loaded.kind !== "config") throw new Error(JSON.stringify(loaded));
  return loaded.config;
}

function refusal(args: readonly string[], environment = {}): string {
  const loaded = loadStoreConfig(args, environment);
  if (loaded.kind !== "error") throw new Error(`expected a refusal, got ${loaded.kind}`);
  return loaded.error;
}

describe("loadStoreConfig()", () => {
  it("has etcd's defaults when nothing is given", () => {
    const defaults = config([]);
    expect(defaults).toMatchObject({
      name: "default",
      dataDir: "default.etcd",
      advertiseClientUrls: ["http://localhost:2379"],
      initialAdvertisePeerUrls: ["http://localhost:2380"],
      initialCluster: [{ name: "default", peerUrls: ["http://localhost:2380"] }],
      initialClusterState: "new",
      initialClusterToken: "etcd-cluster",
      heartbeatIntervalMs: 100,
      electionTimeoutMs: 1000,
      snapshotCount: 10_000,
      quotaBackendBytes: 2 * 1024 ** 3,
      maxRequestBytes: 1_572_864,
      maxTxnOps: 128,
      watchProgressNotifyIntervalMs: 600_000,
      logLevel: "info",
    });
    expect(defaults.listenClientUrls).toEqual([
      { text: "http://localhost:2379", host: "localhost", port: 2379 },
    ]);
  });

  it("takes flags with one dash, two dashes and an equals sign", () => {
    const args = ["-name", "a", "--heartbeat-interval=50", "--election-timeout", "500"];
    expect(config(args)).toMatchObject({
      name: "a",
      dataDir: "a.etcd",
      heartbeatIntervalMs: 50,
      electionTimeoutMs: 500,
    });
  });

  it("prefers a flag to its variable, and a variable to the default", () => {
    const environment = { ETCD_NAME: "from-env", ETCD_MAX_TXN_OPS: "7", ETCD_DATA_DIR: "" };
    const loaded = config(["--name", "from-flag"], environment);
    expect(loaded).toMatchObject({ name: "from-flag", maxTxnOps: 7, dataDir: "from-flag.etcd" });
  });

  it("takes what carries gRPC, our own where nothing is said", () => {
    expect(config([]).transport).toBe("http2");
    expect(config(["--experimental-transport=grpc-js"]).transport).toBe("grpc-js");
    expect(config([], { ETCD_EXPERIMENTAL_TRANSPORT: "grpc-js" }).transport).toBe("grpc-js");
    expect(refusal(["--experimental-corrupt-check-time=1h"])).toContain(
      "flag -experimental-corrupt-check-time of etcd is not supported",
    );
  });

  it("reads three members, of which one has two URLs", () => {
    const loaded = config([
      "--name=b",
      "--initial-advertise-peer-urls=http://127.0.0.1:4,http://127.0.0.1:2",
      "--initial-cluster=a=http://h1:1,b=http://127.0.0.1:2,c=http://[::1]:3,b=http://127.0.0.1:4",
    ]);
    expect(loaded.initialCluster).toEqual([
      { name: "a", peerUrls: ["http://h1:1"] },
      { name: "b", peerUrls: ["http://127.0.0.1:2", "http://127.0.0.1:4"] },
      { name: "c", peerUrls: ["http://[::1]:3"] },
    ]);
  });

  it.each([
    [["--foo"], "flag provided but not defined: -foo"],
    [["extra"], "'extra' is not a valid flag"],
    [["--name"], "flag needs an argument: -name"],
    [["--cert-file=x"], "flag -cert-file of etcd is not supported by sagong store yet"],
    [["--heartbeat-interval", "abc"], 'invalid value "abc" for flag -heartbeat-interval'],
    [["--listen-peer-urls", "foo"], "URL scheme must be http, https, unix, or unixs: foo"],
    [["--listen-peer-urls", "https://127.0.0.1:1"], "URL scheme https is not supported yet"],
    [["--listen-peer-urls", "http://127.0.0.1"], 'does not have the form "host:port"'],
    [["--listen-peer-urls", "http://127.0.0.1:1/x"], "URL must not contain a path"],
    [["--listen-peer-urls", "http://127.0.0.1:70000"], "URL port is 70000"],
    [["--listen-peer-urls", "http://example.org:1"], "expected IP in URL for binding"],
    [["--listen-client-urls", "http://127.0.0.1:1"], "--advertise-client-urls is required"],
    [["--initial-cluster-state", "foo"], "expected one of new, existing"],
    [["--initial-cluster", "garbage"], 'error setting up initial cluster: "garbage"'],
    [["--initial-cluster", "b=http://h:1"], 'couldn\'t find local name "default"'],
    [["--initial-cluster", "default=http://h:1"], "both must name the same URLs"],
    [["--election-timeout", "499"], "should be at least as 5 times as --heartbeat-interval[100ms]"],
    [["--election-timeout", "60000"], "is too long, and should be set less than 50000ms"],
    [["--heartbeat-interval", "0"], "must be greater than 0"],
    [["--max-txn-ops", "0"], "--max-txn-ops is 0, expected a number from 1"],
    [["--log-level", "chatty"], "expected one of debug, info, warn, error"],
    [["--experimental-transport", "pigeon"], "expected one of http2, grpc-js"],
    [["--watch-progress-notify-interval", "10"], "expected a duration such as 500ms"],
    [["--watch-progress-notify-interval", "10ms"], "expected at least 100ms"],
  ])("refuses %j with a sentence that says why", (args, sentence) => {
    expect(refusal(args)).toContain(sentence);
  });

  it("refuses one peer URL for two members", () => {
    const args = [
      "--initial-cluster=default=http://h:1,b=http://h:1",
      "--initial-advertise-peer-urls=http://h:1",
    ];
    expect(refusal(args)).toContain("has duplicate url http://h:1");
  });

  it("names the variable when the value came from the environment", () => {
    const sentence = refusal([], { ETCD_HEARTBEAT_INTERVAL: "zz" });
    expect(sentence).toContain('invalid value "zz" for ETCD_HEARTBEAT_INTERVAL');
  });

  it("warns of variables that it does not know", () => {
    const loaded = loadStoreConfig([], { ETCD_FOO: "1", ETCDCTL_API: "3", PATH: "/bin" });
    expect(loaded).toMatchObject({ warnings: ["unrecognized environment variable ETCD_FOO"] });
  });

  it("reads durations as Go writes them", () => {
    const of = (text: string): number =>
      config(["--watch-progress-notify-interval", text]).watchProgressNotifyIntervalMs;
    expect([of("1h30m"), of("500ms"), of("1.5s")]).toEqual([5_400_000, 500, 1_500]);
  });
});
