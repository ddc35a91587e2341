// Programmer errors
export { AssertionError, assert, defined, unreachable } from "./assert.js";
// Time and chance, as parameters
export { type AbortSignalLike, type Clock, delay, type Timer, VirtualClock } from "./clock.js";
export { type Random, randomBelow, randomFraction, randomId, seededRandom } from "./random.js";
// Bytes
export {
  compareBytes,
  bytesOf,
  concatBytes,
  decodeUtf8,
  EMPTY_BYTES,
  encodeUtf8,
  equalBytes,
  fromHex,
  prefixEnd,
  startsWithBytes,
  toHex,
} from "./bytes.js";
export { crc32c } from "./crc32c.js";
// Text
export { compareText } from "./compare-text.js";
export { parseDurationMs } from "./go-duration.js";
// Errors of the system
export { hasCode } from "./error-code.js";
// What comes later, without a microtask
export { type Consumer, Deferred, type Tap } from "./deferred.js";
// Logs and background tasks
export {
  createLogger,
  errorText,
  LOG_LEVELS,
  type LogFields,
  type Logger,
  type LogLevel,
  type LogRecord,
  type LogValue,
  silentLogger,
} from "./logger.js";
export { TaskGroup } from "./task-group.js";
