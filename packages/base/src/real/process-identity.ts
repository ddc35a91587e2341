/**
 * Which process a recorded pid means. Pids are reused, so a record holds the start time too; two
 * processes with the same pid never share it.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hasCode } from "@sagong/base";

export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque: the kernel's start time of the process, with the boot it belongs to. */
  readonly startTime: string;
}

/** The identity of a running process; undefined where there is none (or only a zombie). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  return process.platform === "linux" ? identifyByProc(pid) : identifyByPs(pid);
}

export function isSameProcess(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startTime === identity.startTime;
}

/** Sends a signal to a process, or to a group where `pid` is negative; false where it is gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    // The process ended meanwhile: what the caller wanted has come about.
    if (hasCode(error, "ESRCH")) return false;
    throw error;
  }
}

/** proc(5): field 3 is the state, field 22 the start time in ticks since boot. */
function identifyByProc(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined; // No such process: the only thing that this read tells.
  }
  // The command in parentheses may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], fields[19]];
  if (state === "Z" || state === "X" || startTicks === undefined) return undefined;
  return { pid, startTime: `${bootId()}/${startTicks}` };
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

function identifyByPs(pid: number): ProcessIdentity | undefined {
  try {
    const startTime = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], {
      encoding: "utf8",
    }).trim();
    return startTime === "" ? undefined : { pid, startTime };
  } catch {
    return undefined; // ps exits with 1 where there is no such process.
  }
}
