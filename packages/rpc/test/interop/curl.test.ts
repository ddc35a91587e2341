/** curl (nghttp2 and OpenSSL) against our server: every way to speak HTTP/2, and HTTP/1.1. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type InteropServer, pattern, startInteropServer } from "../support/interop-server.js";
import { findTool, run } from "../support/tools.js";

const curl = findTool("curl");

describe.skipIf(curl === undefined).each([
  { name: "prior knowledge", tls: false, flags: ["--http2-prior-knowledge"], version: "2" },
  { name: "HTTP/1.1", tls: false, flags: ["--http1.1"], version: "1.1" },
  // §3.1: the upgrade from HTTP/1.1 is removed; a client that asks for it gets HTTP/1.1.
  { name: "Upgrade: h2c", tls: false, flags: ["--http2"], version: "1.1" },
  { name: "TLS, ALPN h2", tls: true, flags: ["--http2"], version: "2" },
  { name: "TLS, ALPN http/1.1", tls: true, flags: ["--http1.1"], version: "1.1" },
  { name: "TLS, no ALPN", tls: true, flags: ["--no-alpn"], version: "1.1" },
])("curl with $name", ({ name, tls, flags, version }) => {
  let server: InteropServer;
  let folder: string;
  beforeAll(async () => {
    server = await startInteropServer({ tls });
    folder = mkdtempSync(`${tmpdir()}/sagong-curl-`);
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });
  const get = async (...args: readonly string[]): Promise<string> => {
    const all = ["--silent", "--show-error", "--insecure", ...flags, ...args];
    const { code, stdout, stderr } = await run(curl ?? "", all);
    // Its meter of many transfers at once is not silenced by --silent.
    expect([code, stderr.match(/curl:.*/)?.[0]]).toEqual([0, undefined]);
    return stdout;
  };
  const url = (path: string): string =>
    `${tls ? "https" : "http"}://127.0.0.1:${server.port}${path}`;

  it("speaks that version", async () => {
    const format = "%{http_version} %{http_code}";
    expect(await get("--output", "/dev/null", "--write-out", format, url("/bytes/10"))).toBe(
      `${version} 200`,
    );
    expect(await get("--output", "/dev/null", "--write-out", format, url("/none"))).toBe(
      `${version} 404`,
    );
  });

  it("loads 1 MB, and sends them", async () => {
    const [sent, came] = [`${folder}/sent`, `${folder}/came`];
    writeFileSync(sent, pattern(1_000_000));
    await get("--output", came, url("/bytes/1000000"));
    expect(readFileSync(came).equals(readFileSync(sent))).toBe(true);
    const answer = await get("--data-binary", `@${sent}`, "--header", "Expect:", url("/count"));
    expect(JSON.parse(answer)).toMatchObject({ bytes: 1_000_000, isPattern: true });
    await get("--data-binary", `@${sent}`, "--output", came, url("/echo"));
    expect(readFileSync(came).equals(readFileSync(sent))).toBe(true);
  });

  // By prior knowledge curl 7.88 uses no connection twice, whoever serves it, Node as well.
  it.skipIf(name === "prior knowledge")("loads many at once", async () => {
    const many = Array.from({ length: 40 }, (_, i) => [
      "--output",
      "/dev/null",
      url(`/bytes/${i * 3_000}`),
    ]);
    const sizes = await get("--parallel", "--write-out", "%{size_download}\n", ...many.flat());
    const expected = Array.from({ length: 40 }, (_, i) => i * 3_000);
    expect(
      sizes
        .trim()
        .split("\n")
        .map(Number)
        .toSorted((a, b) => a - b),
    ).toEqual(expected);
  });

  it("has its cookies joined as HTTP/1.1 has them (RFC 9113 §8.2.3)", async () => {
    const answer = await get("--cookie", "a=1; b=2", "--request", "POST", url("/count"));
    expect(JSON.parse(answer)).toMatchObject({ cookie: "a=1; b=2" });
  });
});
