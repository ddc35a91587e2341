/**
 * Puts a mutant into a process: a hook of Node's module loader (node:module, `register`) that
 * rewrites one compiled file when it is loaded. It runs in a thread of its own, before the code that
 * it changes. Which mutant, is in its own URL: `mutant-loader.js?mutant=NAME`.
 *
 * A mutant that is not loaded would survive unseen. So the changed file says that it was run, in
 * `globalThis[Symbol.for(MUTANT_MARK)]`, and whoever registers this looks there.
 */
import type { LoadFnOutput, LoadHookContext } from "node:module";
import { fileURLToPath } from "node:url";
import { mutantNamed } from "./catalogue.js";
import { compiledPathOf, mutate } from "./mutant.js";

type NextLoad = (
  url: string,
  context?: Partial<LoadHookContext>,
) => LoadFnOutput | Promise<LoadFnOutput>;

export const MUTANT_MARK = "sagong.mutant";

export async function load(
  url: string,
  context: LoadHookContext,
  nextLoad: NextLoad,
): Promise<LoadFnOutput> {
  const loaded = await nextLoad(url, context);
  if (!url.startsWith("file:")) return loaded;
  const name = new URL(import.meta.url).searchParams.get("mutant") ?? "";
  const mutant = mutantNamed(name);
  const path = fileURLToPath(url).replaceAll("\\", "/");
  if (!path.endsWith(`/${compiledPathOf(mutant)}`)) return loaded;
  const { source } = loaded;
  if (source === undefined || source === null) throw new Error(`Cannot mutate ${url}: no source`);
  const code = typeof source === "string" ? source : new TextDecoder().decode(source);
  const mark = `\nglobalThis[Symbol.for(${JSON.stringify(MUTANT_MARK)})] = ${JSON.stringify(name)};\n`;
  return { ...loaded, source: mutate(code, mutant) + mark };
}
