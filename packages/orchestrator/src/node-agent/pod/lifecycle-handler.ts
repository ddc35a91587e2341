/** Runs a container's postStart or preStop handler: exec, httpGet, tcpSocket or sleep. */
import { request } from "node:http";
import { type Clock, delay, errorText } from "@sagong/base";
import type { Container, LifecycleHandler } from "../../api/gen/core-v1.js";
import type { ContainerRuntime } from "../runtime/runtime.js";
import { portNumber } from "./port-number.js";

export interface LifecycleHandlerContext {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
  readonly timeoutMs?: number;
  /** Aborts what takes time. */
  readonly signal: AbortSignal;
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
      if (result.timedOut) {
        return `command "${command.join(" ")}" did not end within ${timeoutMs / 1000}s`;
      }
      if (result.exitCode === 0) return undefined;
      const said = (result.stdout + result.stderr).trim();
      const text = `command "${command.join(" ")}" exited with ${result.exitCode}`;
      return said === "" ? text : `${text}: ${said}`;
    }
    if (handler.sleep) {
      const sleepMs = Math.min(handler.sleep.seconds * 1000, timeoutMs);
      await delay(context.clock, sleepMs, context.signal);
      return undefined;
    }
    if (handler.httpGet) {
      const { host = context.podIp, path: given = "/" } = handler.httpGet;
      const path = given.startsWith("/") ? given : `/${given}`;
      const port = portNumber(handler.httpGet.port, context.container);
      await get({ host, port, path, timeoutMs, signal: context.signal });
      return undefined;
    }
    return "unsupported lifecycle handler: expected exec, httpGet or sleep";
  } catch (error) {
    return errorText(error);
  }
}

function get(target: {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}): Promise<void> {
  return new Promise((resolve, reject) => {
    const { host, port, path, timeoutMs, signal } = target;
    const call = request({ host, port, path, signal, timeout: timeoutMs }, (response) => {
      response.resume();
      response.once("close", () => resolve());
    });
    call.once("timeout", () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    call.once("error", reject);
    call.end();
  });
}
