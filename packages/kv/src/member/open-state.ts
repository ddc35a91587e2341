/**
 * Opens what a data directory holds: database (and with it the directory's lock), identity, state in
 * memory, raft's log. Anything wrong is refused with a sentence that says what to do, and what was
 * opened is closed again.
 */
import type { Clock, Logger } from "@sagong/base";
import { FileLogStorage, type LogStorage } from "@sagong/raft";
import { Applier } from "../apply/applier.js";
import { BackendError } from "../backend/backend-error.js";
import { Lessor } from "../lease/lessor.js";
import { MvccStore } from "../mvcc/mvcc-store.js";
import { DamagedDatabaseError } from "../mvcc/open-store.js";
import { WatchableStore } from "../watch/watchable-store.js";
import { claimDataDir, DataDirError } from "./data-dir.js";
import type { ClusterIdentity } from "./identity.js";
import { KvStateMachine, type KvStateMachineParts } from "./kv-state-machine.js";
import type { MemberDisk } from "./member-disk.js";
import { Membership } from "./membership.js";
import type { StateMedium } from "./state-medium.js";

export interface OpenState {
  readonly medium: StateMedium;
  readonly store: MvccStore;
  readonly lessor: Lessor;
  readonly applier: Applier;
  readonly watchable: WatchableStore;
  readonly membership: Membership;
  readonly machine: KvStateMachine;
  /** Closed by the raft node that is given it. */
  readonly log: LogStorage;
}

export interface OpenStateDependencies {
  readonly disk: MemberDisk;
  readonly identity: ClusterIdentity;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onStorageError: (error: unknown) => void;
  readonly onFsync: (seconds: number) => void;
  /** Of raft's log, instead of its own choice. */
  readonly segmentBytes?: number;
  /** Of versions in memory, likewise. */
  readonly heldBytesMax?: number;
}

export async function openState(dependencies: OpenStateDependencies): Promise<OpenState> {
  const { disk, clock, identity, onFsync, segmentBytes, heldBytesMax } = dependencies;
  await disk.prepare();
  const medium = await disk.openMedium({ clock, onError: dependencies.onStorageError });
  try {
    const store = new MvccStore(medium, heldBytesMax);
    const lessor = new Lessor();
    const applier = new Applier({ store, lessor, backend: medium });
    const watchable = new WatchableStore(store, { clock });
    const membership = new Membership(identity, medium);
    const parts = { medium, store, lessor, applier, watchable, membership, clock };
    const startedMs = clock.monotonicMs();
    const machine = await openMachine(parts, disk);
    const logIsEmpty = (await disk.logFiles.list()).length === 0;
    await claimDataDir(disk, { identity, isEmpty: machine.appliedIndex === 0 && logIsEmpty });
    const log = await FileLogStorage.open({
      files: disk.logFiles,
      clusterId: identity.clusterId,
      memberId: identity.memberId,
      initial: { index: 0, term: 0, confState: { voters: identity.members.map(({ id }) => id) } },
      nowMs: () => clock.monotonicMs(),
      onFsync,
      ...(segmentBytes === undefined ? {} : { segmentBytes }),
    });
    dependencies.logger.info("data directory opened", {
      dir: disk.root,
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

async function openMachine(parts: KvStateMachineParts, disk: MemberDisk): Promise<KvStateMachine> {
  try {
    return await KvStateMachine.open(parts);
  } catch (error) {
    if (!(error instanceof BackendError) && !(error instanceof DamagedDatabaseError)) throw error;
    throw new DataDirError(
      `Cannot use the data directory ${disk.root}: its database is damaged: ${error.message}; ` +
        `restore this member from its peers or a backup`,
      { cause: error },
    );
  }
}
