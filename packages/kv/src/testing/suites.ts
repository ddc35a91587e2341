/** One suite for each interface that has more than one implementation; they need vitest. */
export { type BackendFixture, backendSuite } from "./backend-suite.js";
export { type DatabasesFixture, databasesSuite } from "./databases-suite.js";
