import { X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualClock } from "@sagong/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ClusterPki, openPki, PkiError } from "./pki.js";

const DAY_MS = 86_400_000;

let dir: string;
let clock: VirtualClock;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sagong-pki-"));
  clock = new VirtualClock();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (addresses: readonly string[] = []): Promise<ClusterPki> =>
  openPki(join(dir, "pki"), { clock, addresses });

const ADMIN = { commonName: "kubernetes-admin", organization: "system:masters" };

describe("openPki()", () => {
  it("makes a CA and what it signs; keys are for their owner only", async () => {
    const pki = await open();
    const admin = await pki.clientCertificate("admin", ADMIN);
    const ca = new X509Certificate(pki.ca);
    expect(ca.ca).toBe(true);
    for (const { cert } of [pki.apiServer, admin]) {
      const certificate = new X509Certificate(cert);
      expect(certificate.checkIssued(ca)).toBe(true);
      expect(certificate.verify(ca.publicKey)).toBe(true);
      expect(certificate.ca).toBe(false);
    }
    expect(new X509Certificate(admin.cert).subject).toBe("O=system:masters\nCN=kubernetes-admin");
    for (const file of readdirSync(join(dir, "pki")))
      expect([file, statSync(join(dir, "pki", file)).mode & 0o777]).toEqual([
        file,
        file.endsWith(".key") ? 0o600 : 0o644,
      ]);
    expect(statSync(join(dir, "pki")).mode & 0o777).toBe(0o700);
  });

  it("the API server's certificate is for loopback, its service, and where it listens", async () => {
    const certificate = new X509Certificate((await open(["192.0.2.7", "0.0.0.0"])).apiServer.cert);
    for (const ip of ["127.0.0.1", "10.96.0.1", "192.0.2.7"])
      expect(certificate.checkIP(ip)).toBe(ip);
    expect(certificate.checkIP("0.0.0.0")).toBeUndefined();
    expect(certificate.checkHost("kubernetes.default.svc")).toBe("kubernetes.default.svc");
    expect(certificate.checkHost("example.com")).toBeUndefined();
  });

  it("opened again it is the same, until what is asked for is more", async () => {
    const first = await open();
    const again = await open();
    expect(again.ca).toBe(first.ca);
    expect(again.apiServer).toEqual(first.apiServer);
    const more = await open(["192.0.2.7"]);
    expect(more.ca).toBe(first.ca);
    expect(more.apiServer).not.toEqual(first.apiServer);
    expect((await open()).apiServer).toEqual(more.apiServer);
  });

  it("certificates are made anew before their end", async () => {
    const first = await open();
    clock.advance(300 * DAY_MS);
    expect((await open()).apiServer).toEqual(first.apiServer);
    clock.advance(40 * DAY_MS);
    const renewed = await open();
    expect(renewed.apiServer).not.toEqual(first.apiServer);
    expect(Date.parse(new X509Certificate(renewed.apiServer.cert).validTo)).toBeGreaterThan(
      clock.wallMs() + 360 * DAY_MS,
    );
  });

  it("a certificate of another CA, or for another, is not taken", async () => {
    const pki = await open();
    await pki.clientCertificate("admin", ADMIN);
    const other = await pki.clientCertificate("admin", { ...ADMIN, commonName: "someone" });
    expect(new X509Certificate(other.cert).subject).toContain("CN=someone");
    rmSync(join(dir, "pki", "ca.crt"));
    const fresh = await open();
    expect(fresh.ca).not.toBe(pki.ca);
    const ca = new X509Certificate(fresh.ca);
    expect(new X509Certificate(fresh.apiServer.cert).verify(ca.publicKey)).toBe(true);
  });

  it("a node cannot be called so that it gets another's certificate", async () => {
    const pki = await open();
    const admin = await pki.clientCertificate("admin", ADMIN);
    const node = await pki.nodeCertificate("admin", ["127.0.0.1"]);
    expect(node).not.toEqual(admin);
    expect(new X509Certificate(node.cert).subject).toBe("O=system:nodes\nCN=system:node:admin");
    expect(await pki.clientCertificate("admin", ADMIN)).toEqual(admin);
  });

  it.each(["ca.crt", "ca.key", "apiserver.crt"])("a damaged %s is named", async (file) => {
    await open();
    const path = join(dir, "pki", file);
    writeFileSync(path, readFileSync(path, "utf8").slice(0, 80));
    const error = await open().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PkiError);
    expect(String(error)).toContain(`Cannot read ${path}: `);
  });
});
