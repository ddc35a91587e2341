/** Runs a container's postStart or preStop handler: exec, httpGet, tcpSocket or sleep. */
import { request } from "node:http";
import { type Clock, errorText } from "@sagong/base";
import type { LifecycleHandler } from "../../api/gen/core-v1.js";
import type { ContainerRuntime } from "../runtime/runtime.js";

export interface LifecycleHandlerContext {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly containerId: string;
  readonly podIp: string;
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/** Resolves with undefined, or with the sentence that says what failed. */
export async function runLifecycleHandler(
  handler: LifecycleHandler,
  context: LifecycleHandlerContext,
): Promise<string | undefined> {
  const timeoutMs = context.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  try {
    if (handler.exec) {
      const command = handler.exec.command ?? [];
      const result = await context.runtime.execSync(context.containerId, command, timeoutMs);
      if (result.exitCode === 0) return undefined;
      return `command "${command.join(" ")}" exited with ${result.exitCode}: ${result.stderr}`;
    }
    if (handler.sleep) {
      await pause(context.clock, Math.min(handler.sleep.seconds * 1000, timeoutMs));
      return undefined;
    }
    if (handler.httpGet) {
      const { host = context.podIp, port, path = "/" } = handler.httpGet;
      await get({ host, port: Number(port), path, timeoutMs });
      return undefined;
    }
    return "unsupported lifecycle handler: expected exec, httpGet or sleep";
  } catch (error) {
    return errorText(error);
  }
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.schedule(delayMs, resolve));
}

function get(target: {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly timeoutMs: number;
}): Promise<void> {
  return new Promise((resolve, reject) => {
    const { host, port, path, timeoutMs } = target;
    const call = request({ host, port, path, timeout: timeoutMs }, (response) => {
      response.resume();
      response.once("close", () => resolve());
    });
    call.once("timeout", () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    call.once("error", reject);
    call.end();
  });
}
