import { defineConfig } from "vitest/config";

const conditions = ["sagong-source", "node", "import", "module", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: [
            "packages/*/{src,test}/**/*.test.ts",
            "scripts/**/*.test.mjs",
            "test/tidy.test.ts",
          ],
          // Generous: tests wait on conditions, and a busy machine is no failure.
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          // Real processes, sockets and clients: one file at a time, or they starve each other.
          name: "system",
          include: ["test/**/*.test.ts"],
          exclude: ["test/tidy.test.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
