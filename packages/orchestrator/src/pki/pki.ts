/**
 * The cluster's certificates, made on first start and kept in one folder (keys 0600): a CA, the API
 * server's serving certificate, and a client certificate for each identity. ECDSA P-256.
 */
// tsyringe, inside @peculiar/x509, refuses to load without it.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, errorText } from "@sagong/base";
import * as x509 from "@peculiar/x509";

export interface KeyPair {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface ClusterPki {
  readonly ca: string;
  readonly apiServer: KeyPair;
  /** A client certificate with this subject; made on first use. */
  clientCertificate(name: string, subject: Subject): Promise<KeyPair>;
  /** For a server and client in one: a node agent. */
  nodeCertificate(nodeName: string, addresses: readonly string[]): Promise<KeyPair>;
}

export interface Subject {
  readonly commonName: string;
  readonly organization: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
const CA_DAYS = 3_650;
const LEAF_DAYS = 365;
/** Made anew so long before its end. */
const RENEW_DAYS = 30;
const SERVER_NAMES = [
  "localhost",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
];

export interface PkiOptions {
  readonly clock: Clock;
  /** At which the API server is reached, besides loopback and its service: IP addresses. */
  readonly addresses?: readonly string[];
}

/** A file that cannot be used; the message says what to do. */
export class PkiError extends Error {
  override readonly name: string = "PkiError";
}

/** Rejects with `PkiError` where a file in the folder cannot be read. */
export async function openPki(
  dir: string,
  { clock, addresses = [] }: PkiOptions,
): Promise<ClusterPki> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  x509.cryptoProvider.set(webcrypto);
  const authority = await openAuthority(dir, clock);
  const leaf = (name: string, spec: LeafSpec): Promise<KeyPair> =>
    openLeaf(dir, { name, spec, authority, clock });
  const apiServer = await leaf("apiserver", {
    subject: { commonName: "kube-apiserver", organization: "" },
    names: SERVER_NAMES,
    addresses: [...new Set(["127.0.0.1", "::1", "10.96.0.1", ...addresses.filter(isSpecified)])],
  });
  return {
    ca: authority.pem,
    apiServer,
    clientCertificate: (name, subject) => leaf(name, { subject, names: [], addresses: [] }),
    nodeCertificate: (nodeName, addresses) =>
      // A prefix: a node may be called as another certificate is.
      leaf(`node-${nodeName}`, {
        subject: { commonName: `system:node:${nodeName}`, organization: "system:nodes" },
        names: [nodeName, "localhost"],
        addresses,
      }),
  };
}

/** "Any address" is none that a client connects to. */
function isSpecified(address: string): boolean {
  return address !== "0.0.0.0" && address !== "::";
}

interface Authority {
  readonly pem: string;
  readonly certificate: x509.X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
}

interface LeafSpec {
  readonly subject: Subject;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
}

async function openAuthority(dir: string, clock: Clock): Promise<Authority> {
  const known = readPair(dir, "ca");
  if (known) {
    return {
      pem: known.cert,
      certificate: readCertificate(dir, "ca", known),
      privateKey: await importKey(dir, "ca", known),
    };
  }
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: "CN=kubernetes",
    notBefore: new Date(clock.wallMs() - DAY_MS),
    notAfter: new Date(clock.wallMs() + CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
    ],
  });
  const pem = certificate.toString("pem");
  writePair(dir, "ca", { cert: pem, key: await exportKey(keys.privateKey) });
  return { pem, certificate, privateKey: keys.privateKey };
}

interface LeafRequest {
  readonly name: string;
  readonly spec: LeafSpec;
  readonly authority: Authority;
  readonly clock: Clock;
}

async function openLeaf(
  dir: string,
  { name, spec, authority, clock }: LeafRequest,
): Promise<KeyPair> {
  const known = readPair(dir, name);
  if (known && (await isCurrent(readCertificate(dir, name, known), { spec, authority, clock })))
    return known;
  const keys = await generateKeys();
  const alternatives = [
    ...spec.names.map((value) => ({ type: "dns" as const, value })),
    ...spec.addresses.map((value) => ({ type: "ip" as const, value })),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: subjectOf(spec),
    issuer: authority.certificate.subject,
    notBefore: new Date(clock.wallMs() - DAY_MS),
    notAfter: new Date(clock.wallMs() + LEAF_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      ...(alternatives.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
    ],
  });
  const pair = { cert: certificate.toString("pem"), key: await exportKey(keys.privateKey) };
  writePair(dir, name, pair);
  return pair;
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, [
    "sign",
    "verify",
  ]) as Promise<webcrypto.CryptoKeyPair>; // ECDSA makes pairs.
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  return x509.PemConverter.encode(der, "PRIVATE KEY");
}

async function importKey(dir: string, name: string, pair: KeyPair): Promise<webcrypto.CryptoKey> {
  try {
    const [der = new ArrayBuffer(0)] = x509.PemConverter.decode(pair.key);
    return await webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, true, ["sign"]);
  } catch (error) {
    throw unreadable(join(dir, `${name}.key`), error);
  }
}

function readCertificate(dir: string, name: string, pair: KeyPair): x509.X509Certificate {
  try {
    return new x509.X509Certificate(pair.cert);
  } catch (error) {
    throw unreadable(join(dir, `${name}.crt`), error);
  }
}

function unreadable(path: string, error: unknown): PkiError {
  return new PkiError(
    `Cannot read ${path}: ${errorText(error)}, expected PEM. Put back a copy of it, or remove it and the other of its pair to have both made anew (a new CA is another cluster to every client)`,
    { cause: error },
  );
}

/** Made by this CA, for what is wanted, and good for a while yet. */
async function isCurrent(
  certificate: x509.X509Certificate,
  { spec, authority, clock }: Omit<LeafRequest, "name">,
): Promise<boolean> {
  if (certificate.notAfter.getTime() - clock.wallMs() <= RENEW_DAYS * DAY_MS) return false;
  const { publicKey } = authority.certificate;
  if (!(await certificate.verify({ publicKey, signatureOnly: true }))) return false;
  const alternatives = certificate.getExtension(x509.SubjectAlternativeNameExtension);
  const has = new Set(alternatives?.names.items.map(({ type, value }) => `${type} ${value}`));
  const wanted = [
    ...spec.names.map((name) => `dns ${name}`),
    ...spec.addresses.map((address) => `ip ${address}`),
  ];
  return wanted.every((name) => has.has(name)) && certificate.subject === subjectOf(spec);
}

function subjectOf({ subject: { commonName, organization } }: LeafSpec): string {
  return new x509.Name([
    ...(organization === "" ? [] : [{ O: [{ utf8String: organization }] }]),
    { CN: [{ utf8String: commonName }] },
  ]).toString();
}

function serial(): string {
  return Buffer.from(webcrypto.getRandomValues(new Uint8Array(16))).toString("hex");
}

function readPair(dir: string, name: string): KeyPair | undefined {
  const [cert, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  if (!existsSync(cert) || !existsSync(key)) return undefined;
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}

/** The certificate last: where it is, the key is too. */
function writePair(dir: string, name: string, pair: KeyPair): void {
  for (const [file, text, mode] of [
    [`${name}.key`, pair.key, 0o600],
    [`${name}.crt`, pair.cert, 0o644],
  ] as const) {
    const path = join(dir, file);
    writeFileSync(`${path}.tmp`, text, { mode });
    renameSync(`${path}.tmp`, path);
  }
}
