/**
 * etcdserverpb.Watch: reads a stream's requests into its session, whose responses leave by
 * themselves. Every way a stream can end (client, deadline, missing leader, server) closes it.
 */
import { implement, type Outbox, type ServerCall, type ServiceImplementation } from "@sagong/rpc";
import { type WatchRequest, type WatchResponse, WatchService } from "../gen/rpc.js";
import { MemberError } from "../member/member-error.js";
import type { LeaderPresence } from "./store-api.js";
import { WatchBudget } from "./watch-budget.js";
import { WatchResponses } from "./watch-response.js";
import { WatchSession, type WatchSessionDependencies } from "./watch-session.js";

export interface WatchServiceDependencies extends Omit<
  WatchSessionDependencies,
  "responses" | "budget" | "onClosed"
> {
  readonly leader: LeaderPresence;
  /** The sessions that are open, for metrics. */
  readonly sessions: Set<WatchSession>;
}

export function createWatchService(dependencies: WatchServiceDependencies): ServiceImplementation {
  const shared = {
    responses: new WatchResponses(dependencies.header),
    budget: new WatchBudget(),
  };
  return implement(WatchService, {
    watch: (requests, call) => watch(requests, call, { ...dependencies, ...shared }),
  });
}

function watch(
  requests: AsyncIterable<WatchRequest>,
  call: ServerCall,
  dependencies: WatchServiceDependencies & Pick<WatchSessionDependencies, "responses" | "budget">,
): Outbox<WatchResponse> {
  const { sessions, leader } = dependencies;
  let forgetLeader: (() => void) | undefined;
  const session = new WatchSession({
    ...dependencies,
    onClosed: () => {
      forgetLeader?.();
      sessions.delete(session);
    },
  });
  sessions.add(session);
  if (call.metadata["hasleader"] === "true") {
    forgetLeader = leader.onLeaderMissing(() =>
      session.outbox.abandon(new MemberError("no-leader")),
    );
  }
  void receive(requests, session);
  return session.outbox;
}

/** Never rejects. The client's half-close leaves its watches alive, as in etcd. */
async function receive(
  requests: AsyncIterable<WatchRequest>,
  session: WatchSession,
): Promise<void> {
  try {
    for await (const request of requests) {
      session.handle(request);
      await session.room();
    }
  } catch (error) {
    session.outbox.abandon(error);
  }
}
