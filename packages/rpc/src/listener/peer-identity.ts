import type { PeerCertificate, TLSSocket } from "node:tls";
import type { PeerIdentity } from "../handler.js";

/** The subject of a client's certificate; undefined where none was shown, or none that holds. */
export function peerIdentityOf(socket: TLSSocket): PeerIdentity | undefined {
  if (!socket.authorized) return undefined;
  // Null once the connection is closed, whatever its type says.
  const certificate: { readonly subject?: PeerCertificate["subject"] } | null =
    socket.getPeerCertificate();
  const subject = certificate?.subject;
  if (!subject) return undefined;
  const organizations: string | string[] = subject.O ?? [];
  return {
    commonName: String(subject.CN ?? ""),
    organizations: typeof organizations === "string" ? [organizations] : organizations,
  };
}
