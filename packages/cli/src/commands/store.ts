/**
 * `sagong store`: one member of the store as a process. Reads flags and environment, starts the
 * member, and stops it in order when asked to. Exit codes: 0 after an orderly stop, 1 where it
 * cannot start or stops itself, 2 for settings that make no sense.
 */
import { errorText } from "@sagong/base";
import {
  backgroundClock,
  keepCollectorPace,
  randomSeed,
  realClock,
  streamLogger,
} from "@sagong/base/real";
import {
  ETCD_API_VERSION,
  loadStoreConfig,
  SAGONG_VERSION,
  type StoreConfig,
  startStore,
  storeHelp,
} from "@sagong/kv";
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE, type Io } from "../terminal.js";

export async function storeCommand(args: readonly string[], io: Io): Promise<number> {
  const loaded = loadStoreConfig(args, io.env);
  switch (loaded.kind) {
    case "help":
      io.out(storeHelp());
      return EXIT_OK;
    case "version":
      io.out(`sagong store ${SAGONG_VERSION} (etcd API ${ETCD_API_VERSION})\n`);
      return EXIT_OK;
    case "error":
      io.err(`sagong store: ${loaded.error}\n`);
      return EXIT_USAGE;
    case "config":
      return await run(loaded.config, loaded.warnings, io);
  }
}

async function run(config: StoreConfig, warnings: readonly string[], io: Io): Promise<number> {
  const clock = realClock();
  const logger = streamLogger({ level: config.logLevel, clock, write: io.err });
  for (const warning of warnings) logger.warn(warning);
  const stopPacing = keepCollectorPace(backgroundClock());
  let fatal: unknown;
  try {
    const store = await startStore(config, { clock, logger, randomSeed: randomSeed() });
    await new Promise<void>((resolve) => {
      store.onFatal((error) => {
        fatal = error;
        resolve();
      });
      if (io.signal.aborted) resolve();
      io.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await store.close();
  } catch (error) {
    io.err(`sagong store: ${errorText(error)}\n`);
    return EXIT_FAILURE;
  } finally {
    stopPacing();
  }
  if (fatal === undefined) return EXIT_OK;
  io.err(`sagong store: stopped because ${errorText(fatal)}\n`);
  return EXIT_FAILURE;
}
