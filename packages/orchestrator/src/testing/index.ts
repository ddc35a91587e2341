// Suites that every implementation of an interface passes
export { type ObjectClientFixture, objectClientSuite } from "./object-client-suite.js";
// What tests run on
export { type MemoryCluster, openMemoryCluster } from "./memory-cluster.js";
