/**
 * What one connection may cost us: every number here is an answer to something that a client can
 * do without end. Attacks are named by the report that made them known. RFC 9113 §10.5 asks for
 * such limits, and names ENHANCE_YOUR_CALM as the answer.
 */

/** Tokens: one is spent by every frame of the kind, and frames beyond them end the connection. */
export interface AllowanceLimits {
  /** Tokens at first, and at the most. */
  readonly burst: number;
  readonly perSecond: number;
  /** Tokens regained by each frame of real work: a request, or a DATA frame in or out. */
  readonly perWork: number;
}

export interface ConnectionLimits {
  /**
   * Streams open at once: our SETTINGS_MAX_CONCURRENT_STREAMS. Watches are streams that stay, so
   * that it is high.
   */
  readonly streamsMax: number;
  /** Decoded header list, counted as in RFC 9113 §6.5.2; a larger one is answered with 431. */
  readonly headerListBytesMax: number;
  /**
   * One field block as it comes, CONTINUATION frames included, and how many of these: without
   * limits a block never ends (CONTINUATION flood, CVE-2024-27316; 0-length headers leak,
   * CVE-2019-9516). The list that it may decode to is bounded above.
   */
  readonly fieldBlockBytesMax: number;
  readonly continuationFramesMax: number;
  /** Windows that we grant a stream and the connection: what handlers may leave unread. */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  /**
   * Bytes of frames that wait for the socket: at this many nothing more is framed, and no input is
   * taken. A reader that asks and does not read thus fills its own windows, not our memory (data
   * dribble, CVE-2019-9511; internal data buffering, CVE-2019-9517; ping, settings and reset
   * floods, CVE-2019-9512, -9514, -9515).
   */
  readonly outputBytesMax: number;
  /** Bytes that one stream may have queued before its writer is told to wait. */
  readonly queuedBytesMax: number;
  /**
   * Streams that end by RST_STREAM before their answer: those that the client resets (rapid reset,
   * CVE-2023-44487), and those that it makes us reset (CVE-2025-8671). Deadlines that pass in
   * great number are resets too, hence the generous figures.
   */
  readonly resets: AllowanceLimits;
  /** SETTINGS: each costs a look at every open stream (CVE-2019-9515). */
  readonly settings: AllowanceLimits;
  /**
   * Frames that carry no work: PING (CVE-2019-9512), PRIORITY (CVE-2019-9513), WINDOW_UPDATE
   * (CVE-2019-9511), empty DATA (CVE-2019-9518), frames of closed streams and of unknown types.
   * Honest clients send some for each DATA frame: updates of both windows, and PINGs that measure.
   */
  readonly idleFrames: AllowanceLimits;
}

export const DEFAULT_LIMITS: ConnectionLimits = {
  streamsMax: 20_000,
  headerListBytesMax: 64 * 1024,
  fieldBlockBytesMax: 64 * 1024,
  continuationFramesMax: 32,
  streamWindow: 256 * 1024,
  connectionWindow: 4 * 1024 * 1024,
  outputBytesMax: 1024 * 1024,
  queuedBytesMax: 64 * 1024,
  resets: { burst: 2_000, perSecond: 200, perWork: 0 },
  settings: { burst: 100, perSecond: 10, perWork: 0 },
  idleFrames: { burst: 10_000, perSecond: 1_000, perWork: 4 },
};
