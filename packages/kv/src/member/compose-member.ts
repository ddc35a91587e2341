/**
 * One member, put together from its parts and running: state → raft → the member around them. Its
 * surroundings are given: disk, peers, time, turns of the event loop. The daemon (`start-store.ts`)
 * gives the real ones and puts sockets in front; the simulator gives its own. Nothing here knows
 * which.
 *
 * A failure on the way closes what is open. Stop: leadership goes to a peer → member → raft → state.
 */
import { errorText, seededRandom } from "@sagong/base";
import { type RaftNode, startRaftNode } from "@sagong/raft";
import type { StoreConfig } from "../config/store-config.js";
import { MetricsRegistry } from "../http/metrics.js";
import { createStoreMetrics } from "../http/store-metrics.js";
import { type AssembledMember, assembleMember } from "./assemble-member.js";
import { ClientUse } from "./client-use.js";
import { idText } from "./identity.js";
import type { MemberSurroundings } from "./member-surroundings.js";
import { type OpenState, openState } from "./open-state.js";

export interface ComposedMember {
  readonly state: OpenState;
  readonly raft: RaftNode;
  readonly assembled: AssembledMember;
  readonly registry: MetricsRegistry;
  /** Tries the peers one after the other; a cluster without a willing one elects by itself. */
  handLeadershipOver(): Promise<void>;
  /** All but the state: nothing is proposed, sent or applied any more. */
  close(): Promise<void>;
  /** Last, when nobody can ask for it any more. */
  closeState(): Promise<void>;
}

/** Rejects with `DataDirError` or the error of damaged storage; the messages are for people. */
export async function composeMember(
  config: StoreConfig,
  surroundings: MemberSurroundings,
): Promise<ComposedMember> {
  const { identity, clock, logger, randomSeed } = surroundings;
  const registry = new MetricsRegistry();
  const metrics = createStoreMetrics(registry);
  const onFatal = (error: unknown): void => {
    logger.error("the member cannot go on", { error: errorText(error) });
    surroundings.onFatal(error);
  };
  const { segmentBytes, heldBytesMax } = surroundings;
  const state = await openState({
    disk: surroundings.disk,
    identity,
    clock,
    logger,
    onStorageError: onFatal,
    onFsync: (seconds) => metrics.walFsyncSeconds.observe(seconds),
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
    ...(heldBytesMax === undefined ? {} : { heldBytesMax }),
  });
  const open: (() => Promise<void>)[] = [() => state.medium.close()];
  try {
    const clientUse = new ClientUse(clock);
    const { isIdle = () => clientUse.isIdle } = surroundings;
    const raft = await startRaft(config, state, { ...surroundings, isIdle });
    open.push(() => raft.close());
    const assembled = assembleMember({
      ...surroundings,
      config,
      state,
      raft,
      clientUse,
      random: seededRandom(randomSeed),
      registry,
      metrics,
      onFatal,
    });
    open.push(() => assembled.close());
    await assembled.quota.start();
    return composed({ state, raft, assembled, registry }, surroundings);
  } catch (error) {
    // Without a raft node nobody else closes the log.
    if (open.length === 1) open.push(() => state.log.close());
    for (const close of open.toReversed()) {
      await close().catch((why: unknown) => {
        logger.warn("a part of a member did not close in order", { error: errorText(why) });
      });
    }
    throw error;
  }
}

async function startRaft(
  config: StoreConfig,
  state: OpenState,
  {
    identity,
    clock,
    logger,
    transport,
    ...around
  }: MemberSurroundings & { readonly isIdle: () => boolean },
): Promise<RaftNode> {
  const raft = await startRaftNode(
    {
      nodeId: identity.memberId,
      voters: identity.members.map(({ id }) => id),
      heartbeatMs: config.heartbeatIntervalMs,
      electionMs: config.electionTimeoutMs,
      snapshotCount: config.snapshotCount,
      catchUpEntries: config.snapshotCatchUpEntries,
      ...(around.sparing ? { sparing: around.sparing } : {}),
    },
    {
      clock,
      random: seededRandom(around.randomSeed + 1),
      logger,
      storage: around.aroundLog?.(state.log) ?? state.log,
      transport,
      stateMachine: state.machine,
      isIdle: around.isIdle,
      defer: around.defer,
      afterCurrent: around.afterCurrent,
    },
  );
  raft.onFatal(around.onFatal); // It has logged it.
  return raft;
}

function composed(
  parts: Pick<ComposedMember, "state" | "raft" | "assembled" | "registry">,
  { identity, logger }: MemberSurroundings,
): ComposedMember {
  const { state, raft, assembled } = parts;
  return {
    ...parts,
    handLeadershipOver: async () => {
      for (const { id } of identity.members) {
        if (id === identity.memberId || raft.status().role !== "leader") continue;
        const to = idText(id);
        try {
          await raft.transferLeadership(id);
          logger.info("leadership handed over", { to });
        } catch (error) {
          logger.info("leadership not handed over", { to, error: errorText(error) });
        }
      }
    },
    close: async () => {
      await assembled.close();
      await raft.close();
    },
    closeState: () => state.medium.close(),
  };
}
