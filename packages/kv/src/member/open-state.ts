/**
 * Opens what a data directory holds: database (and with it the directory's lock), identity, state in
 * memory, raft's log. Anything wrong is refused with a sentence that says what to do, and what was
 * opened is closed again.
 */
import { readdir } from "node:fs/promises";
import type { Clock, Logger } from "@sagong/base";
import { FileLogStorage } from "@sagong/raft";
import { Applier } from "../apply/applier.js";
import { BackendError, LevelBackend } from "../backend/level-backend.js";
import type { StoreConfig } from "../config/store-config.js";
import { Lessor } from "../lease/lessor.js";
import { MvccStore } from "../mvcc/mvcc-store.js";
import { DamagedDatabaseError } from "../mvcc/open-store.js";
import { WatchableStore } from "../watch/watchable-store.js";
import { claimDataDir, type DataDir, dataDirAt, DataDirError, prepareDataDir } from "./data-dir.js";
import type { ClusterIdentity } from "./identity.js";
import { KvStateMachine, type KvStateMachineParts } from "./kv-state-machine.js";
import { Membership } from "./membership.js";

export interface OpenState {
  readonly medium: LevelBackend;
  readonly store: MvccStore;
  readonly lessor: Lessor;
  readonly applier: Applier;
  readonly watchable: WatchableStore;
  readonly membership: Membership;
  readonly machine: KvStateMachine;
  /** Closed by the raft node that is given it. */
  readonly log: FileLogStorage;
}

export interface OpenStateDependencies {
  readonly identity: ClusterIdentity;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onStorageError: (error: unknown) => void;
  readonly onFsync: (seconds: number) => void;
}

/** etcd: the least TTL of a lease is this many election timeouts, rounded up to seconds. */
const MIN_TTL_ELECTION_TIMEOUTS = 1.5;

export async function openState(
  config: StoreConfig,
  dependencies: OpenStateDependencies,
): Promise<OpenState> {
  const { clock, identity, onFsync } = dependencies;
  const dir = dataDirAt(config.dataDir);
  await prepareDataDir(dir);
  const medium = await openMedium(dir, dependencies);
  try {
    const store = new MvccStore(medium);
    const lessor = new Lessor();
    const minTtlSeconds = Math.ceil((MIN_TTL_ELECTION_TIMEOUTS * config.electionTimeoutMs) / 1_000);
    const applier = new Applier({ store, lessor, backend: medium }, minTtlSeconds);
    const watchable = new WatchableStore(store, { clock });
    const membership = new Membership(identity, medium);
    const parts = { medium, store, lessor, applier, watchable, membership, clock };
    const startedMs = clock.monotonicMs();
    const machine = await openMachine(parts, dir);
    const logIsEmpty = (await readdir(dir.logDir)).length === 0;
    await claimDataDir(dir, { identity, isEmpty: machine.appliedIndex === 0 && logIsEmpty });
    const log = await FileLogStorage.open({
      dir: dir.logDir,
      clusterId: identity.clusterId,
      memberId: identity.memberId,
      initial: { index: 0, term: 0, confState: { voters: identity.members.map(({ id }) => id) } },
      nowMs: () => clock.monotonicMs(),
      onFsync,
    });
    dependencies.logger.info("data directory opened", {
      dir: dir.root,
      revision: store.revision,
      keys: store.index.size,
      appliedIndex: machine.appliedIndex,
      logEntries: log.stored.entries.length,
      tookMs: Math.round(clock.monotonicMs() - startedMs),
    });
    return { ...parts, machine, log };
  } catch (error) {
    await medium.close();
    throw error;
  }
}

async function openMachine(parts: KvStateMachineParts, dir: DataDir): Promise<KvStateMachine> {
  try {
    return await KvStateMachine.open(parts);
  } catch (error) {
    if (!(error instanceof BackendError) && !(error instanceof DamagedDatabaseError)) throw error;
    throw new DataDirError(
      `Cannot use the data directory ${dir.root}: its database is damaged: ${error.message}; ` +
        `restore this member from its peers or a backup`,
      { cause: error },
    );
  }
}

async function openMedium(
  dir: DataDir,
  { clock, onStorageError }: OpenStateDependencies,
): Promise<LevelBackend> {
  try {
    return await LevelBackend.open({ dir: dir.storeDir, clock, onError: onStorageError });
  } catch (error) {
    if (!isLocked(error)) throw error;
    throw new DataDirError(
      `Cannot use the data directory ${dir.root}: another process uses it; stop that process, ` +
        `or choose another directory with --data-dir`,
      { cause: error },
    );
  }
}

/** LevelDB's refusal is two causes deep: ours, then abstract-level's, then its own. */
function isLocked(error: unknown): boolean {
  if (!(error instanceof BackendError)) return false;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && cause.code === "LEVEL_LOCKED") return true;
  }
  return false;
}
