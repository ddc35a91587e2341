// What tests of files share.
export { hasDirectDisk } from "./direct-disk.js";
export { patternBytes } from "./pattern-bytes.js";
