// The platform's own clock, randomness and log stream; everything pure gets them as parameters.
export { keepCollectorPace } from "./collector-pace.js";
export { backgroundClock, realClock } from "./real-clock.js";
export { randomSeed } from "./random-seed.js";
export { streamLogger, type StreamLoggerOptions } from "./stream-logger.js";
export { makeFolders, syncFolder } from "./folders.js";
export { DirectFile, type DirectFileOptions } from "./direct-file.js";
export { writeAll } from "./write-all.js";
export {
  identifyProcess,
  isSameProcess,
  type ProcessIdentity,
  signalProcess,
} from "./process-identity.js";
