/**
 * As whom a host process runs: the user and group of a container's config, where this agent may
 * change to them. It refuses rather than running as somebody else than the spec says.
 */
import { existsSync, readFileSync } from "node:fs";
import { type ContainerUser, RuntimeError } from "./runtime.js";

export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
}

export interface ProcessIdentityPlace {
  /** Of the agent itself. */
  readonly ownUid: number;
  readonly ownGid: number;
  /** The text of /etc/passwd, for a user's primary group. */
  readonly passwd: string;
}

/** Undefined: the agent's own user, without a change. Throws `RuntimeError`. */
export function processUser(
  wanted: ContainerUser | undefined,
  place: ProcessIdentityPlace,
): ProcessUser | undefined {
  if (!wanted) return undefined;
  const { ownUid, ownGid } = place;
  const uid = wanted.uid ?? ownUid;
  if (wanted.nonRoot && uid === 0) {
    throw refused(
      "container has runAsNonRoot and would run as root, as this node agent does: set runAsUser",
    );
  }
  const gid = wanted.gid ?? (wanted.uid === undefined ? ownGid : primaryGroup(uid, place.passwd));
  if (uid === ownUid && gid === ownGid) return undefined;
  if (ownUid !== 0) {
    throw refused(
      `Cannot run container as user ${uid} and group ${gid}: this node agent runs as user ${ownUid}, expected root, which alone may change users`,
    );
  }
  return { uid, gid };
}

export function readIdentityPlace(): ProcessIdentityPlace {
  return {
    ownUid: process.getuid?.() ?? 0,
    ownGid: process.getgid?.() ?? 0,
    passwd: existsSync("/etc/passwd") ? readFileSync("/etc/passwd", "utf8") : "",
  };
}

/**
 * The command that changes to `user` and becomes `command`: util-linux's setpriv, since the shell
 * that watches the process must stay the agent's own. Throws `RuntimeError` where it is missing.
 */
export function commandAs(user: ProcessUser | undefined, command: readonly string[]): string[] {
  if (!user) return [...command];
  const setpriv = SETPRIV.find((path) => existsSync(path));
  if (setpriv === undefined) {
    throw refused(
      `Cannot run container as user ${user.uid}: none of ${SETPRIV.join(", ")} is on this host, expected util-linux's setpriv`,
    );
  }
  return [
    setpriv,
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    "--clear-groups",
    "--",
    ...command,
  ];
}

const SETPRIV: readonly string[] = ["/usr/bin/setpriv", "/bin/setpriv"];

/** passwd(5): name:password:uid:gid:… A user who is not there gets a group of the same number. */
function primaryGroup(uid: number, passwd: string): number {
  const line = passwd.split("\n").find((text) => text.split(":")[2] === String(uid));
  const gid = Number(line?.split(":")[3]);
  return Number.isInteger(gid) && line !== undefined ? gid : uid;
}

function refused(message: string): RuntimeError {
  return new RuntimeError("CreateContainerConfigError", message);
}
