/**
 * etcdserverpb.Watch: reads a stream's requests into its session and sends what the session has
 * queued. Every way a stream can end (client, deadline, missing leader, server) closes the session.
 */
import { implement, type ServerCall, type ServiceImplementation } from "@sagong/rpc";
import { type WatchRequest, type WatchResponse, WatchService } from "../gen/rpc.js";
import { MemberError } from "../member/member-error.js";
import type { LeaderPresence } from "./store-api.js";
import { WatchSession, type WatchSessionDependencies } from "./watch-session.js";

export interface WatchServiceDependencies extends WatchSessionDependencies {
  readonly leader: LeaderPresence;
  /** The sessions that are open, for metrics and for ending them. */
  readonly sessions: Set<WatchSession>;
}

export function createWatchService(dependencies: WatchServiceDependencies): ServiceImplementation {
  return implement(WatchService, {
    watch: (requests, call) => watch(requests, call, dependencies),
  });
}

async function* watch(
  requests: AsyncIterable<WatchRequest>,
  call: ServerCall,
  dependencies: WatchServiceDependencies,
): AsyncGenerator<WatchResponse> {
  const session = new WatchSession(dependencies);
  const { queue } = session;
  dependencies.sessions.add(session);
  const onAbort = (): void => queue.fail(new MemberError("cancelled"));
  call.signal.addEventListener("abort", onAbort, { once: true });
  const forgetLeader =
    call.metadata["hasleader"] === "true"
      ? dependencies.leader.onLeaderMissing(() => queue.fail(new MemberError("no-leader")))
      : undefined;
  void receive(requests, session);
  try {
    for (;;) yield await queue.next();
  } finally {
    forgetLeader?.();
    call.signal.removeEventListener("abort", onAbort);
    queue.fail(new MemberError("cancelled"));
    session.close();
    dependencies.sessions.delete(session);
  }
}

/** Never rejects. The client's half-close leaves its watches alive, as in etcd. */
async function receive(
  requests: AsyncIterable<WatchRequest>,
  session: WatchSession,
): Promise<void> {
  try {
    for await (const request of requests) {
      session.handle(request);
      await session.queue.room();
    }
  } catch (error) {
    session.queue.fail(error instanceof Error ? error : new Error(String(error)));
  }
}
