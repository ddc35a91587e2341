/** Where a channel leads, and how: what every transport is given, and what it reads out of it. */
import { isIP } from "node:net";
import type { Transport } from "./transport.js";

export interface ChannelOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly endpoint: string;
  /** `DEFAULT_TRANSPORT` where left out. */
  readonly transport?: Transport | undefined;
  readonly tls?: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
  /** Largest response accepted; unlimited where left out, since servers are trusted here. */
  readonly maxResponseBytes?: number;
  /** `DEFAULT_PATIENCE` where left out. */
  readonly patience?: Patience | undefined;
}

/** How long a server is waited for that says nothing. */
export interface Patience {
  /** From the first packet to the server's SETTINGS. */
  readonly connectMs: number;
  /** Silence, while calls are open, after which it is asked whether it is there. */
  readonly silenceMs: number;
  /** How soon it must answer that; else the connection is given up. */
  readonly answerMs: number;
}

/** Connecting: gRPC's MIN_CONNECT_TIMEOUT. */
export const DEFAULT_PATIENCE: Patience = {
  connectMs: 20_000,
  silenceMs: 10_000,
  answerMs: 5_000,
};

/** How soon a connection that broke is tried again at first, and at the most. */
export const RECONNECT_MIN_MS = 100;
/** Short: who waits for a server that is being started again waits no longer than it takes. */
export const RECONNECT_MAX_MS = 500;

/** Sent as the server's name where the endpoint is an address, which has none. */
const NAME_FOR_ADDRESSES = "localhost";

export interface Endpoint {
  readonly isTls: boolean;
  /** A name or an address, without brackets: what a certificate is held against. */
  readonly host: string;
  readonly port: number;
  /** Host and port as a URL has them. */
  readonly authority: string;
  /** What TLS asks for: it may not ask for an address by name (RFC 6066 §3). */
  readonly serverName: string;
  /** 4 or 6 where the host is an address, 0 where it is a name. */
  readonly ipVersion: number;
}

/** Throws `TypeError` where the endpoint is not an http or https URL. */
export function parseEndpoint(endpoint: string): Endpoint {
  const url = new URL(endpoint);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`Cannot connect to ${endpoint}: expected http:// or https://`);
  }
  const isTls = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || (isTls ? "443" : "80"));
  const ipVersion = isIP(host);
  return {
    isTls,
    host,
    port,
    authority: `${url.hostname}:${port}`,
    serverName: ipVersion === 0 ? host : NAME_FOR_ADDRESSES,
    ipVersion,
  };
}
