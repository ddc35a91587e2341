/** Images of the state machine, to and from peers (§7): for members whose next entry is compacted. */
import { errorText } from "@sagong/base";
import type { SnapshotNeeded } from "../core/message.js";
import type { SnapshotMetadata } from "../core/types.js";
import type { IncomingSnapshot } from "../transport/transport.js";
import type { MemberHost } from "./member-host.js";
import { ImageRefusedError } from "./state-machine.js";

export class ImageTraffic {
  readonly #host: MemberHost;
  #isInstalling = false;

  constructor(host: MemberHost) {
    this.#host = host;
  }

  /** While it is so nothing is stepped, written or applied. */
  get isInstalling(): boolean {
    return this.#isInstalling;
  }

  /** In the term in which it was found necessary: by now this member may lead no more. */
  send(needed: SnapshotNeeded): void {
    const { tasks, dependencies, raw } = this.#host;
    tasks.run("send-snapshot", async () => {
      let sent = false;
      try {
        await this.#send(needed);
        sent = true;
      } catch (error) {
        dependencies.logger.warn("an image did not reach its peer", {
          peer: needed.to.toString(16),
          error: errorText(error),
        });
      }
      raw.raft.reportSnapshot(needed.to, sent);
      this.#host.wake();
    });
  }

  async #send({ to, term }: SnapshotNeeded): Promise<void> {
    const { options, dependencies, raw, closing } = this.#host;
    const { stateMachine, transport, logger } = dependencies;
    const image = await stateMachine.openSnapshot();
    try {
      const metadata: SnapshotMetadata = {
        index: image.index,
        term: image.term,
        confState: { voters: options.voters },
      };
      const progress = raw.raft.progress.get(to);
      if (progress?.state === "snapshot") progress.pendingSnapshot = image.index;
      logger.info("sending an image to a peer", { peer: to.toString(16), index: image.index });
      const envelope = { from: options.nodeId, to, term, metadata };
      await transport.sendSnapshot({ ...envelope, chunks: image.chunks }, closing);
    } finally {
      await image.close();
    }
  }

  /** Installs an image and starts the core anew behind it. One at a time; others are refused. */
  async receive(snapshot: IncomingSnapshot): Promise<void> {
    const host = this.#host;
    const { raw, options } = host;
    const { metadata, from, term } = snapshot;
    if (this.#isInstalling || host.isStopped) throw new Error("another image is being installed");
    if (term < raw.status.term) throw new Error(`the image is of the old term ${term}`);
    host.guard(() => raw.step({ kind: "snapshot", from, to: options.nodeId, term, metadata }));
    if (!raw.needsImage(metadata)) {
      // The leader has missed our answers; this one tells it where to go on.
      raw.restored(metadata, from);
      return host.wake();
    }
    // Applies stop from here on; the disk finishes its batch first.
    host.guard(() => host.applies.all());
    this.#isInstalling = true;
    try {
      await this.#install(snapshot);
    } catch (error) {
      // Log and state machine may tell of different histories now: only a restart brings them together.
      if (!(error instanceof ImageRefusedError)) host.fatal(error);
      throw error;
    } finally {
      this.#isInstalling = false;
      host.wake();
    }
  }

  async #install({ metadata, from, chunks }: IncomingSnapshot): Promise<void> {
    const { disk, dependencies, raw } = this.#host;
    await disk.idle();
    dependencies.logger.info("installing an image", {
      index: metadata.index,
      from: from.toString(16),
    });
    await dependencies.stateMachine.installSnapshot(metadata, chunks);
    await disk.exclusively(async (storage) => {
      await storage.reset(metadata);
      raw.restored(metadata, from);
    });
  }
}
