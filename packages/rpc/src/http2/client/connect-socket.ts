/** Makes the socket of a connection, plain or with TLS, and tells when HTTP/2 may begin on it. */
import { connect as connectTcp, type Socket } from "node:net";
import {
  checkServerIdentity,
  connect as connectTls,
  createSecureContext,
  type SecureContext,
} from "node:tls";
import type { ChannelOptions, Endpoint } from "../../channel-options.js";

export interface SocketEvents {
  connected(): void;
  /** The server speaks TLS, but not HTTP/2 in it. */
  refused(reason: string): void;
}

/** Throws OpenSSL's error where a certificate or key cannot be read. */
export function secureContextOf(tls: ChannelOptions["tls"]): SecureContext {
  return createSecureContext({
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls?.key === undefined ? {} : { key: tls.key }),
  });
}

/** `events` are not called before this returns. Failures are the socket's own event `error`. */
export function connectSocket(
  { isTls, host, port, serverName }: Endpoint,
  secureContext: SecureContext | undefined,
  events: SocketEvents,
): Socket {
  if (!isTls) {
    const socket = connectTcp({ host, port, noDelay: true });
    socket.once("connect", () => events.connected());
    return socket;
  }
  const socket = connectTls({
    host,
    port,
    ALPNProtocols: ["h2"],
    servername: serverName,
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    ...(secureContext === undefined ? {} : { secureContext }),
  });
  socket.setNoDelay(true);
  socket.once("secureConnect", () => {
    // RFC 9113 §3.2: HTTP/2 over TLS is agreed on by ALPN.
    if (socket.alpnProtocol === "h2") events.connected();
    else events.refused("the server does not offer HTTP/2 (ALPN h2)");
  });
  return socket;
}
