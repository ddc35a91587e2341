/** nghttp and h2load (nghttp2's own) against our server, plain and over TLS. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HealthCheckRequest } from "../../src/gen/health.js";
import { prefixMessage } from "../../src/http2/grpc/message-writer.js";
import { type InteropServer, pattern, startInteropServer } from "../support/interop-server.js";
import { findTool, run } from "../support/tools.js";

const nghttp = findTool("nghttp");
const h2load = findTool("h2load");

const SECURITIES = [
  { name: "plain", tls: false },
  { name: "TLS", tls: true },
];

describe.skipIf(nghttp === undefined).each(SECURITIES)("nghttp, $name", ({ tls }) => {
  let server: InteropServer;
  let folder: string;
  beforeAll(async () => {
    server = await startInteropServer({ tls });
    folder = mkdtempSync(`${tmpdir()}/sagong-nghttp-`);
    writeFileSync(`${folder}/body`, pattern(200_000));
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const url = (path: string): string =>
    `${tls ? "https" : "http"}://127.0.0.1:${server.port}${path}`;

  /** What it prints of frames with `--verbose`; it must end well. */
  const talk = async (...args: readonly string[]): Promise<string> => {
    const all = ["--verbose", "--no-verify-peer", "--null-out", ...args];
    const { code, stdout, stderr } = await run(nghttp ?? "", all);
    expect([code, stderr.replace(/\[WARNING\].*\n/, "")]).toEqual([0, ""]);
    expect(stdout).not.toMatch(/recv (?:RST_STREAM|GOAWAY)/);
    return stdout;
  };
  const answers = (text: string): number => text.match(/recv .*:status: 200/g)?.length ?? 0;

  it("loads many streams at once", async () => {
    expect(answers(await talk("--multiply=100", url("/bytes/20000")))).toBe(100);
  });

  it.each(["1", "6", "10"])("loads through windows of 2^%s-1 bytes", async (bits) => {
    const size = bits === "1" ? 300 : 10_000;
    const flags = [`--window-bits=${bits}`, `--connection-window-bits=20`, "--multiply=5"];
    const text = await talk(...flags, url(`/bytes/${size}`));
    expect(answers(text)).toBe(5);
    const lengths = [...text.matchAll(/recv DATA frame <length=(\d+)/g)].map(([, n]) => Number(n));
    expect(Math.max(...lengths)).toBeLessThanOrEqual(2 ** Number(bits) - 1);
    expect(lengths.reduce((sum, n) => sum + n, 0)).toBe(5 * size);
  });

  it("sends content with padding, CONTINUATION, trailers and Expect", async () => {
    const flags = [
      `--data=${folder}/body`,
      "--padding=200",
      "--continuation",
      "--trailer=x-sum: 1",
      "--expect-continue",
      "--multiply=5",
    ];
    expect(answers(await talk(...flags, url("/count")))).toBe(5);
  });

  it("has PRIORITY frames and dependencies ignored", async () => {
    expect(answers(await talk("--weight=7", url("/bytes/100"), url("/"), url("/bytes/5")))).toBe(3);
  });

  it("finds no fault in what it gets with its smallest table", async () => {
    const flags = ["--header-table-size=0", "--encoder-header-table-size=0", "--multiply=20"];
    expect(answers(await talk(...flags, url("/bytes/10")))).toBe(20);
  });
});

describe.skipIf(h2load === undefined).each(SECURITIES)("h2load, $name", ({ tls }) => {
  let server: InteropServer;
  let folder: string;
  beforeAll(async () => {
    server = await startInteropServer({ tls });
    folder = mkdtempSync(`${tmpdir()}/sagong-h2load-`);
    const request = HealthCheckRequest.encode(HealthCheckRequest.create());
    writeFileSync(`${folder}/check`, prefixMessage(request));
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const origin = (): string => `${tls ? "https" : "http"}://127.0.0.1:${server.port}`;

  /** All requests must succeed; honest clients are never cut off by limits. */
  const load = async (requests: number, ...args: readonly string[]): Promise<void> => {
    const { code, stdout } = await run(h2load ?? "", [`--requests=${requests}`, ...args]);
    expect(code).toBe(0);
    expect(stdout).toContain(
      `${requests} done, ${requests} succeeded, 0 failed, 0 errored, 0 timeout`,
    );
    expect(stdout).toContain(`status codes: ${requests} 2xx`);
  };

  it("calls by gRPC, 1,000 streams at once on a connection", async () => {
    const grpc = ["--header=content-type: application/grpc", "--header=te: trailers"];
    const flags = [`--data=${folder}/check`, "--max-concurrent-streams=1000", ...grpc];
    await load(5_000, ...flags, `${origin()}/grpc.health.v1.Health/Check`);
  });

  it("calls on 100 connections at once", async () => {
    const grpc = ["--header=content-type: application/grpc", "--header=te: trailers"];
    const flags = [
      `--data=${folder}/check`,
      "--clients=100",
      "--max-concurrent-streams=10",
      ...grpc,
    ];
    await load(2_000, ...flags, `${origin()}/grpc.health.v1.Health/Check`);
  });

  it("loads plain content through small windows", async () => {
    const flags = ["--clients=4", "--max-concurrent-streams=25", "--window-bits=12"];
    await load(100, ...flags, `${origin()}/bytes/30000`);
  });
});
