export { entry, INITIAL, type LogStorageFixture, logStorageSuite } from "./log-storage-suite.js";
export { type LogFilesFixture, logFilesSuite } from "./log-files-suite.js";
export { simulate, type SimulationOptions, type SimulationReport } from "./simulation.js";
