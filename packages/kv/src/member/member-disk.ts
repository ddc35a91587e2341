/**
 * What a member keeps, as it opens it: the state machine's medium, raft's log, and the record by
 * which the directory knows whose it is. A data directory on Node's file system is behind it, or the
 * simulator's disk.
 */
import type { Clock } from "@sagong/base";
import type { LogFiles } from "@sagong/raft";
import type { StateMedium } from "./state-medium.js";

export interface MemberDisk {
  /** The directory's name, for messages. */
  readonly root: string;
  /** The identity record's name, for messages. */
  readonly identityFile: string;
  /** Makes the directory where it is missing; rejects with `DataDirError` where it cannot be used. */
  prepare(): Promise<void>;
  /**
   * Takes the directory for this process, before anything else in it is read or written. Rejects
   * with `DataDirError` where another process has it. `onError` is told once when the medium cannot
   * go on.
   */
  openMedium(options: MediumOptions): Promise<StateMedium>;
  /** Undefined where there is none. */
  readIdentity(): Promise<string | undefined>;
  /** On disk when it resolves; a crash leaves all of it or nothing. */
  writeIdentity(text: string): Promise<void>;
  readonly logFiles: LogFiles;
}

export interface MediumOptions {
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}
